import pytest

from sartext.config import SimulationParameters
from sartext.evaluation.physics.rendering import render_physics

PARAMETERS = SimulationParameters()


@pytest.fixture(scope="session")
def physics():
    """Twelve scenes at every setting."""
    return render_physics(PARAMETERS, scenes=12, seed=3)
