"""All rivals by name, those of continuous targets in two leagues: by what they learn from."""

from gfn.rivals.annealed import Annealed
from gfn.rivals.autoregressive import Autoregressive
from gfn.rivals.base import Rival
from gfn.rivals.bit_gan import BitAdversarial
from gfn.rivals.denoising import Denoising
from gfn.rivals.flow import DensityFlow, SampleFlow
from gfn.rivals.gan import Adversarial
from gfn.rivals.masked_diffusion import MaskedDiffusion
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
PICTURES: dict[str, type[Rival]] = {
    "autoregressive": Autoregressive,
    "masked_diffusion": MaskedDiffusion,
    "bit_gan": BitAdversarial,
}  # which learn from samples, too
RIVALS = {name: kind for league in (*LEAGUES.values(), PICTURES) for name, kind in league.items()}
