"""What a training takes of its machine, under the names that MLflow's page looks for."""

import os
import sys
from contextlib import suppress


class Machine:
    """Measures processor, memory and GPUs; percentages of the processor are means since the measurement before."""

    def __init__(self) -> None:
        import psutil

        self._process = psutil.Process(os.getpid())
        psutil.cpu_percent()  # the first answer of either means nothing
        self._process.cpu_percent()

    def measure(self) -> dict[str, float]:
        """Return the metrics: percentages, and megabytes of 10^6 bytes."""
        import psutil

        memory = psutil.virtual_memory()
        return {
            "system/cpu_utilization_percentage": psutil.cpu_percent(),
            "system/process_cpu_utilization_percentage": self._process.cpu_percent(),
            "system/process_memory_megabytes": self._process.memory_info().rss / 1e6,
            "system/system_memory_usage_megabytes": (memory.total - memory.available) / 1e6,
            "system/system_memory_usage_percentage": memory.percent,
            **_gpus(),
        }


def _gpus() -> dict[str, float]:
    """Memory of each GPU that torch sees, and its load where NVIDIA's library for Python is there."""
    torch = sys.modules.get("torch")
    if torch is None or not torch.cuda.is_initialized():
        return {}
    found: dict[str, float] = {}
    for number in range(torch.cuda.device_count()):
        free, total = torch.cuda.mem_get_info(number)
        found[f"system/gpu_{number}_memory_usage_megabytes"] = (total - free) / 1e6
        found[f"system/gpu_{number}_memory_usage_percentage"] = 100 * (total - free) / total
        with suppress(ImportError, RuntimeError):
            found[f"system/gpu_{number}_utilization_percentage"] = float(torch.cuda.utilization(number))
    return found
