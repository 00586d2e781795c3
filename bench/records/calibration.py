"""How far graders agree with people, and what people's labels and a grader's scores say together: part of `summary.json`."""

from typing import Literal

import msgspec


class Agreement(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One measure of agreement with its interval over prompts. `value` None: undefined, and `why` says so; it is then neither 0 nor 1.

    `measure`: `spearman`, `kendall`, `quadratic_kappa`, `krippendorff_alpha`, `accuracy` (share of yes/no answers that are alike).
    """

    measure: str
    value: float | None
    low: float | None = None
    high: float | None = None
    n: int = 0
    clusters: int = 0
    why: str | None = None


class Rival(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Something trivial that a grader must beat to be worth its time: `length` of the answer, `overlap` with the reference (or the task).

    `agreement` is its Spearman correlation with people. `is_beaten`: the grader's correlation is higher; None where either is undefined.
    """

    name: Literal["length", "overlap"]
    agreement: Agreement
    is_beaten: bool | None = None


class Corrected(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A mean score, or the difference of two models' (`against` set), 0–1, as people would give it: prediction-powered inference.

    `naive` is the grader's own mean, `by_labels` that of the labels alone. `tuning` is λ. `n_labels` answers carry a label, of `n_answers`.
    `worth`: as many labels alone would give an interval as narrow. `value` None: no answer of the model is labelled.
    """

    model_id: str
    variant_id: str
    value: float | None
    low: float | None = None
    high: float | None = None
    naive: float | None = None
    by_labels: float | None = None
    by_labels_low: float | None = None
    by_labels_high: float | None = None
    tuning: float = 0.0
    n_labels: int = 0
    n_answers: int = 0
    clusters: int = 0
    worth: float | None = None
    against: tuple[str, str] | None = None  # model and variant that is subtracted


class PassRate(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The share of a model's answers that people would pass, by Rogan and Gladen. `seen`: the share that the grader passes."""

    model_id: str
    variant_id: str
    seen: float
    value: float | None
    low: float | None = None
    high: float | None = None
    n_passed_by_people: int = 0
    n_failed_by_people: int = 0


class GraderCalibration(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One grader against people. `bend`: what cross-validation by prompt prefers to do to its scores. `errors`: mean squared error of each kind."""

    grader_id: str
    agreements: tuple[Agreement, ...]
    on_aspects: tuple[Agreement, ...] = ()
    rivals: tuple[Rival, ...] = ()
    length_bias: Agreement | None = None
    means: tuple[Corrected, ...] = ()
    differences: tuple[Corrected, ...] = ()
    pass_rates: tuple[PassRate, ...] = ()
    bend: Literal["none", "shift", "isotonic"] = "none"
    bend_why: str = ""
    errors: dict[str, float] = {}


class PeopleAgreement(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """How far people agree among themselves. `ceiling`: one person against the mean of the others (Spearman), the most a grader can be asked for."""

    annotators: int
    items: int
    shared: int  # items that two or more graded
    alphas: tuple[Agreement, ...] = ()
    ceiling: Agreement | None = None
    length_bias: Agreement | None = None


class Calibration(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What people's labels say of a run's graders. `label_next`: items (`Annotation.item_id`) that would tell most. `notes`: what is missing."""

    people: PeopleAgreement
    graders: tuple[GraderCalibration, ...] = ()
    label_next: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
