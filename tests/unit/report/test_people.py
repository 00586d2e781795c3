"""What people say, as a report shows it."""

from harness.report_run import spec, summary
from msgspec.structs import replace

from bench.records.calibration import Agreement, Calibration, Corrected, GraderCalibration, PassRate, PeopleAgreement, Rival
from bench.report.console import section
from bench.report.lookup import Lookup
from bench.report.people import bent, people


def agreement(measure, value, **more):
    return Agreement(measure=measure, value=value, n=40, clusters=20, **more)


def corrected(**more):
    return Corrected(
        model_id="smollm2-135m", variant_id="default", naive=0.7, value=0.42, low=0.31, high=0.53, by_labels=0.4, by_labels_low=0.25,
        by_labels_high=0.55, tuning=0.6, n_labels=20, n_answers=60, clusters=20, worth=38.2, **more,
    )  # fmt: skip


GOOD = GraderCalibration(
    grader_id="local",
    agreements=(agreement("spearman", 0.62, low=0.3, high=0.8), agreement("kendall", 0.5), agreement("quadratic_kappa", 0.41)),
    on_aspects=(agreement("accuracy", 0.8),),
    rivals=(
        Rival(name="length", agreement=agreement("spearman", 0.3), is_beaten=True),
        Rival(name="overlap", agreement=agreement("spearman", 0.1), is_beaten=True),
    ),
    length_bias=agreement("spearman", 0.2, low=-0.1, high=0.4),
    means=(corrected(),),
    differences=(corrected(against=("gemma-3-270m", "default")),),
    pass_rates=(PassRate(model_id="smollm2-135m", variant_id="default", seen=0.7, value=0.4, low=0.2, high=0.6),),
    bend="shift",
    bend_why="shift predicts prompts left out clearly better",
    errors={"none": 0.03, "shift": 0.01},
)
FLAT = GraderCalibration(
    grader_id="checks",
    agreements=tuple(agreement(name, None, why="the first gives every answer the same value") for name in ("spearman", "kendall", "quadratic_kappa")),
    rivals=(Rival(name="length", agreement=agreement("spearman", 0.3)),),
    bend_why="18 labels on 9 prompts; 20 on 6 are needed",
)
FOUND = Calibration(
    people=PeopleAgreement(annotators=2, items=40, shared=12, alphas=(agreement("krippendorff_alpha", 0.81),), ceiling=agreement("spearman", 0.87)),
    graders=(GOOD, FLAT),
    notes=("Something is missing.",),
)


def shown(found=FOUND):
    return people(Lookup(replace(summary(), calibration=found), spec()))


def cells(table, row):
    return [cell.text for cell in shown().tables[table].rows[row]]


def test_without_labels_there_is_no_section():
    assert shown(None) is None


def test_people_come_first_with_what_can_be_asked_of_a_grader():
    first, second, *_ = shown().text
    assert first == "40 answers graded by 2 people, 12 of them by two or more, who did not see which model wrote what."
    assert second == "One person agrees with the others at 0.87 (Spearman); Krippendorff’s alpha 0.81: no grader can be asked for more."


def test_a_grader_is_held_against_people_and_trivial_rivals():
    assert cells(0, 0) == ["local", "0.62 [0.30–0.80]", "0.50", "0.41", "80 % (n = 40)", "0.20 [−0.10 to 0.40]", "length and overlap"]


def test_what_is_undefined_is_neither_nought_nor_one():
    assert cells(0, 1)[1] == "undefined (the first gives every answer the same value)"
    assert cells(0, 1)[-1] == "–"


def test_a_grader_that_a_trivial_rival_beats_says_so():
    lost = (replace(GOOD.rivals[0], is_beaten=False), GOOD.rivals[1])
    row = shown(replace(FOUND, graders=(replace(GOOD, rivals=lost),))).tables[0].rows[0]
    assert row[-1].text == "overlap (not length)"
    assert row[-1].state == "failed"


def test_scores_stand_as_graded_by_labels_and_as_people_would():
    assert cells(1, 0) == ["smollm2-135m", "local", "70 %", "40 % [25–55]", "42 % [31–53]", "20 of 60"]
    assert cells(1, 1)[0] == "smollm2-135m − gemma-3-270m"
    assert "Answers that people would pass (Rogan and Gladen): smollm2-135m: 40 % [20 % to 60 %], as graded 70 %." in shown().tables[1].notes


def test_the_gain_is_told_in_labels():
    assert "smollm2-135m: 20 labels and local are worth 38 labels." in shown().text
    none = replace(FOUND, graders=(replace(GOOD, means=(replace(corrected(), worth=19.9),)),))
    assert "smollm2-135m: local adds nothing to the 20 labels." in shown(none).text


def test_bending_is_said_with_its_errors():
    assert list(bent(FOUND)) == [
        "local: shift predicts prompts left out clearly better (mean squared error: none 0.03, shift 0.01)",
        "checks: not bent towards people, 18 labels on 9 prompts; 20 on 6 are needed",
    ]


def test_the_terminal_shows_tables_and_notes():
    text = section(shown())
    assert "Something is missing." in text
    assert "0.62 [0.30–0.80]" in text
