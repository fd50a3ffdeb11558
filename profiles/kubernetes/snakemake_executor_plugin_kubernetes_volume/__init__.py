"""Snakemake's Kubernetes executor for jobs that share a volume with Snakemake itself.

The executor of snakemake-executor-plugin-kubernetes takes it for granted that jobs share no files, and moves every
file through an object store. Here all jobs mount the volume that holds the checkout; the rest is its work.
Snakemake finds this package by its name, with this folder on PYTHONPATH.
"""

import shlex
from dataclasses import dataclass

from snakemake_executor_plugin_kubernetes import Executor as KubernetesExecutor
from snakemake_executor_plugin_kubernetes import ExecutorSettings as KubernetesSettings
from snakemake_interface_executor_plugins.settings import CommonSettings

common_settings = CommonSettings(
    non_local_exec=True,
    implies_no_shared_fs=False,
    job_deploy_sources=False,
    pass_default_storage_provider_args=True,
    pass_default_resources_args=True,
    pass_envvar_declarations_to_cmd=False,
    auto_deploy_default_storage_provider=False,
)


@dataclass
class ExecutorSettings(KubernetesSettings):
    """Those of the Kubernetes executor, as --kubernetes-volume-… in place of --kubernetes-…"""


class Executor(KubernetesExecutor):
    """That of the Kubernetes executor, whose jobs start in an empty folder; here they go to where Snakemake works."""

    def get_job_exec_prefix(self, job):
        return f"cd {shlex.quote(str(self.workflow.workdir_init))}"
