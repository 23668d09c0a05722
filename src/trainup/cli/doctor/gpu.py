"""The GPUs of this machine, their driver, and the PyTorch that the stack's requirements name."""

from collections.abc import Iterator

from trainup.cli.doctor.finding import Finding, Patient, error, ok, warning
from trainup.core import cuda
from trainup.core.cuda import Gpu, Version


def gpus(patient: Patient) -> Iterator[Finding]:
    """Whether driver and GPU fit the CUDA of the stack's PyTorch."""
    tried, found = "GPUs, by nvidia-smi", patient.machine.gpus
    if found is None:
        yield warning(tried, "nvidia-smi fails, so runs will find no GPU", "nvidia-smi; it says what the driver lacks")
        return
    if not found:
        yield ok(tried, "none: runs use the processors")
        return
    wanted = _cuda_of(patient)
    for name, driver, capability in found:
        came = f"{name}, driver {driver}"
        if wanted is None:
            yield ok(tried, came)
            continue
        torch = f"the stack's PyTorch is made for CUDA {cuda.shown(wanted)}"
        oldest = cuda.driver_for(wanted)
        if oldest and _numbers(driver) < _numbers(oldest):
            mend = f"update the driver to {oldest} or newer, or pin an older torch in trainup:image.requirements"
            yield error(tried, f"{came}; {torch}, which takes driver {oldest} or newer", mend)
        elif problem := cuda.misfit(wanted, Gpu(name, _capability(capability))):
            yield error(tried, f"{came}; {torch}. {problem}", "pin another torch in trainup:image.requirements")
        else:
            yield ok(tried, f"{came}, which fits CUDA {cuda.shown(wanted)} of the stack's PyTorch")


def _cuda_of(patient: Patient) -> Version | None:
    from trainup.jobs.local.recipe import read_recipe

    path = patient.settings.image.requirements if patient.settings else None
    recipe, _ = read_recipe(patient.root / path if path else None)
    return cuda.cuda_of_packages(recipe.lines)


def _numbers(text: str) -> tuple[int, ...]:
    return tuple(int(part) for part in text.split(".") if part.isdecimal())


def _capability(text: str) -> Version:
    major, _, minor = text.partition(".")
    return int(major or 0), int(minor or 0)
