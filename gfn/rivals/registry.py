"""All rivals by name, in two leagues: by what they learn from."""

from gfn.rivals.annealed import Annealed
from gfn.rivals.base import Rival
from gfn.rivals.denoising import Denoising
from gfn.rivals.flow import DensityFlow, SampleFlow
from gfn.rivals.gan import Adversarial
from gfn.rivals.nuts import NoUTurn
from gfn.rivals.path_integral import PathIntegral

LEAGUES: dict[str, dict[str, type[Rival]]] = {
    "density": {
        "flow_reverse_kl": DensityFlow,
        "path_integral": PathIntegral,
        "nuts": NoUTurn,
        "annealed": Annealed,
    },
    "samples": {
        "flow_likelihood": SampleFlow,
        "denoising": Denoising,
        "gan": Adversarial,
    },
}
RIVALS = {name: kind for league in LEAGUES.values() for name, kind in league.items()}
