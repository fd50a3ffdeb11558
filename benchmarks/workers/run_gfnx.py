"""Worker for gfnx: trajectory balance as its baselines write it, jitted whole, on the tasks that it has."""

from __future__ import annotations

import math
from functools import partial
from importlib.metadata import version
from itertools import pairwise

import gfnx
import jax
import jax.numpy as jnp
import numpy as np
import optax
from gfnx.environment.sequence import AutoregressiveSequenceEnvironment
from gfnx.reward.dag_likelihood import BGeScore
from gfnx.reward.dag_prior import UniformDAGPrior
from gfnx.utils import forward_rollout, forward_trajectory_log_probs
from protocol import Step, Trainings, serve

SLOPE = 0.01


def linear(key, inputs: int, outputs: int):
    """A layer, initialised as PyTorch does it."""
    bound = 1 / math.sqrt(inputs)
    shapes = (inputs, outputs), (outputs,)
    return tuple(jax.random.uniform(k, s, minval=-bound, maxval=bound) for k, s in zip(jax.random.split(key), shapes))


def layers(key, sizes):
    """The parameters of an MLP."""
    return [linear(k, *pair) for k, pair in zip(jax.random.split(key, len(sizes) - 1), pairwise(sizes))]


def mlp(parameters, x):
    """A multilayer perceptron with leaky rectifiers."""
    for weight, bias in parameters[:-1]:
        x = jax.nn.leaky_relu(x @ weight + bias, SLOPE)
    weight, bias = parameters[-1]
    return x @ weight + bias


def normalise(x):
    """Layer normalisation without parameters."""
    return (x - x.mean(-1, keepdims=True)) * jax.lax.rsqrt(x.var(-1, keepdims=True) + 1e-5)


def pairs_network(key, inputs: int, width: int, leaves: int):
    """A logit for each pair of roots: an MLP of each root's features, then the head of our graph network."""
    keys = jax.random.split(key, 4)
    parameters = {
        "embed": layers(keys[0], (inputs, width, width)),
        "root": linear(keys[1], width, width),
        "graph": linear(keys[2], width, width),
        "pair": linear(keys[3], width, 1)[0][:, 0],
    }
    first, second = np.triu_indices(leaves, 1)

    def logits(parameters, observation):
        h = jax.nn.leaky_relu(normalise(mlp(parameters["embed"], observation.reshape(*observation.shape[:-2], -1))))
        (root, root_bias), (graph, graph_bias) = parameters["root"], parameters["graph"]
        e = normalise(h @ root + root_bias + (h.mean(-2, keepdims=True) @ graph + graph_bias))
        return ((e * parameters["pair"]) @ e.swapaxes(-1, -2))[..., first, second]

    return parameters, logits


class Additive(gfnx.base.BaseRewardModule):
    """Our reward of sequences, as a reward of gfnx."""

    def __init__(self, letters, weights) -> None:
        # Whatever is no letter counts nothing.
        self.letters = jnp.concatenate([jnp.asarray(letters, jnp.float32), jnp.zeros(3)])
        self.weights = jnp.asarray(weights, jnp.float32)

    def init(self, rng_key, dummy_state):
        return None

    def log_reward(self, state, env_params):
        return self.letters[state.tokens] @ self.weights

    def reward(self, state, env_params):
        return jnp.exp(self.log_reward(state, env_params))


def hypergrid(task: dict, data: dict):
    """Its hypergrid, with the constants of our reward; what the network sees are the one-hot coordinates."""
    reward = gfnx.GeneralHypergridRewardModule(task["r0"], task["r1"], task["r2"])
    return gfnx.HypergridEnvironment(reward, dim=task["dimensions"], side=task["side"]), lambda x: x


def sequences(task: dict, data: dict):
    """Its autoregressive sequences, with our reward, on one-hot positions."""
    letters, length = task["alphabet"], task["length"]
    special = {"eos_token": letters, "pad_token": letters + 1, "bos_token": letters + 2}
    reward = Additive(data["letters"], data["weights"])
    environment = AutoregressiveSequenceEnvironment(reward, length, letters, letters + 3, **special)
    # The first token is always the same; of the others, the network sees letters and blank, as ours does.
    classes = jnp.array([*range(letters), letters + 1])
    return environment, lambda x: (x[..., 1:, None] == classes).reshape(*x.shape[:-1], -1).astype(jnp.float32)


def dags(task: dict, data: dict):
    """Its DAGs, with the BGe score of our data, on the adjacency matrix."""
    reward = gfnx.DAGRewardModule(
        prior=UniformDAGPrior(task["nodes"]), likelihood=BGeScore(jnp.asarray(data["observations"], jnp.float32))
    )
    environment = gfnx.DAGEnvironment(reward, task["nodes"])
    return environment, lambda x: x.reshape(*x.shape[:-2], -1).astype(jnp.float32)


def phylogenetics(task: dict, data: dict):
    """Its phylogenetic trees, with parsimony on our alignment, on the Fitch sets of the roots."""
    code = {"A": 8, "C": 4, "G": 2, "T": 1}
    rows = jnp.array([[code.get(base, 15) for base in row] for _, row in task["alignment"]], jnp.uint8)
    reward = gfnx.PhyloTreeRewardModule(num_nodes=len(rows), scale=4.0)
    environment = gfnx.PhyloTreeEnvironment(reward, rows, sequence_type="DNA", bits_per_seq_elem=4)
    return environment, lambda x: x.reshape(*x.shape[:-2], -1).astype(jnp.float32)[..., None]


def build(task: dict, data: dict, batch_size: int, hidden: list[int], gin_width: int, second_pass: bool) -> Step:
    """A training: a rollout, the loss, one step of Adam.

    The baselines compute the loss by a second pass over all states that were met (``second_pass``);
    the library also allows to differentiate through the rollout itself.
    """
    tasks = {"hypergrid": hypergrid, "sequences": sequences, "dags": dags, "phylogenetics": phylogenetics}
    environment, observe = tasks[task["task"]](task, data)
    key = jax.random.key(0)
    environment_parameters = environment.init(key)
    seen = observe(environment.reset(1, environment_parameters)[0])
    actions, backward_actions = environment.action_space.n, environment.backward_action_space.n
    if task["task"] == "phylogenetics":
        network, logits_of = pairs_network(key, seen.shape[-2], gin_width, seen.shape[-3])
    else:
        network, logits_of = layers(key, [seen.shape[-1], *hidden, actions]), mlp

    def outputs(network, observation):
        logits = logits_of(network, observe(observation))
        return {"forward_logits": logits, "backward_logits": jnp.zeros((*logits.shape[:-1], backward_actions))}

    def policy(key, observation, network):
        found = outputs(network, observation)
        return found["forward_logits"], found

    def draw(key, network):
        return forward_rollout(key, batch_size, policy, network, environment, environment_parameters)

    def balance(parameters, drawn, log_reward):
        log_pf, log_pb = forward_trajectory_log_probs(environment, drawn, environment_parameters)
        return jnp.square(parameters["log_z"] + log_pf - log_pb - log_reward).mean()

    def loss_of(parameters, drawn, about):
        again = drawn.replace(info=outputs(parameters["network"], drawn.obs))
        return balance(parameters, again, about["log_gfn_reward"])

    def loss_through(parameters, key):
        drawn, about = draw(key, parameters["network"])
        return balance(parameters, drawn, about["log_gfn_reward"])

    rates = {"network": optax.adam(1e-3), "log_z": optax.adam(0.1)}
    optimiser = optax.multi_transform(rates, {"network": "network", "log_z": "log_z"})

    def iteration(_, state):
        key, parameters, memory, _ = state
        key, drawing = jax.random.split(key)
        if second_pass:
            value, gradient = jax.value_and_grad(loss_of)(parameters, *draw(drawing, parameters["network"]))
        else:
            value, gradient = jax.value_and_grad(loss_through)(parameters, drawing)
        updates, memory = optimiser.update(gradient, memory, parameters)
        return key, optax.apply_updates(parameters, updates), memory, value

    # As in the baselines, iterations follow each other inside one compiled program.
    @partial(jax.jit, donate_argnums=1)
    def run(iterations, state):
        return jax.lax.fori_loop(0, iterations, iteration, state)

    parameters = {"network": network, "log_z": jnp.zeros(())}
    state = (key, parameters, optimiser.init(parameters), jnp.zeros(()))

    def step(iterations: int) -> None:
        nonlocal state
        state = jax.block_until_ready(run(iterations, state))
        if not jnp.isfinite(state[-1]):
            raise ArithmeticError("the loss is not finite")

    return step


if __name__ == "__main__":
    about = {name: version(name) for name in ("gfnx", "jax")}
    serve(Trainings(build).commands() | {"about": lambda: about})
