"""What a reader of an executable book may ask for, and the tests that hold it."""

import ast
from pathlib import Path

import pytest

TESTS = Path(__file__).parent

FEATURES = {  # feature → "module::test" of each part of it
    "goals, prerequisites and time on each chapter": [
        "build::test_a_chapter_has_its_head_its_figure_number_and_its_stamp",
        "build::test_a_head_sums_up_the_verdicts_and_says_how_long_it_is_to_read",
        "teaching::test_minutes_to_read_are_those_of_its_words",
    ],
    "predictions before the run, answers hidden and glued": [
        "teaching::test_predictions_stand_before_answers_that_are_hidden_and_glued",
    ],
    "exercises of three sizes with executed solutions": [
        "teaching::test_exercises_of_three_sizes",
        "teaching::test_a_tagged_solution_is_executed_and_its_text_is_folded",
        "teaching::test_every_exercise_has_its_solution",
    ],
    "student and instructor edition from one source": [
        "editions::test_the_rendered_edition_holds_no_solution_anywhere",
        "editions::test_no_line_of_a_real_solution_remains",
    ],
    "widgets that answer without a kernel, offline": [
        "rendered::test_the_widgets_answer_to_the_arrow_key_from_the_disk",
        "rendered::test_boxes_to_tick_answer_to_the_keyboard_from_the_disk",
        "teaching::test_every_chapter_has_a_widget",
    ],
    "the same widgets, live with a kernel": [
        "page::test_a_film_joins_slider_and_frames_in_the_page",
    ],
    "numbers in the text come from the run": [
        "quality::test_no_result_is_typed_by_hand",
        "page::test_glue_takes_numpys_numbers",
    ],
    "alternative text, caption and number on every figure": [
        "page::test_a_figure_without_words_is_refused",
        "build::test_an_image_without_words_stops_the_build",
    ],
    "the numbers of each figure": [
        "plotting::test_the_numbers_of_a_figure",
        "release::test_each_figure_comes_with_its_numbers",
    ],
    "no finding of axe, in light, in dark, on a phone": [
        "rendered::test_every_page_is_quiet_accessible_and_fits",
    ],
    "works offline, no other host": [
        "rendered::test_a_strict_policy_is_kept_and_widgets_live_under_it",
        "rendered::test_the_widgets_answer_to_the_arrow_key_from_the_disk",
    ],
    "reading works without scripts": [
        "rendered::test_reading_works_without_scripts",
    ],
    "a stamp on each chapter, and a page of all": [
        "build::test_the_status_page_says_when_and_on_what",
        "execute::test_provenance_lies_beside_the_copy",
    ],
    "parameters documented, a typing error stops the run": [
        "build::test_the_page_of_parameters_has_ranges_effects_and_a_command",
        "teaching::test_every_parameter_has_a_range_and_an_effect",
        "execute::test_a_wrong_command_starts_nothing",
    ],
    "profiles: smoke, published, rerun": [
        "execute::test_the_kernel_knows_the_profile_and_has_one_thread",
    ],
    "equal executions, equal bytes": [
        "execute::test_two_executions_give_the_same_bytes",
    ],
    "execution keyed on source, parameters, package": [
        "freshness::test_code_in_reach_makes_it_stale",
        "freshness::test_parameters_are_in_the_key",
    ],
    "an error in an output fails the build": [
        "ledger::test_an_output_that_may_not_be_published_is_named",
        "execute::test_a_chapter_that_fails_is_named_and_the_others_go_on",
    ],
    "works on a cluster": [
        "executors::test_a_dask_worker_killed_in_mid_sweep",
        "executors::test_jobs_of_submitit",
    ],
    "data verified, no download inside a chapter": [
        "cifar::test_altered_pixel_is_found_by_the_recorded_checksum",
        "cifar::test_offline_is_one_sentence_and_keeps_the_part",
    ],
    "launch buttons open the clean notebook": [
        "build::test_the_launch_buttons_open_the_clean_notebook",
    ],
    "one-page print, slides, zip": [
        "printing::test_the_pdf_has_every_chapter_and_nothing_is_left_behind",
        "slides::test_a_deck_works_from_the_disk",
        "release::test_one_zip_has_all_notebooks_and_the_claims",
    ],
    "glossary, index of theorems, search": [
        "build::test_equations_are_numbered_by_chapter_and_terms_linked_once",
        "build::test_theorems_are_numbered_by_chapter_and_listed",
        "rendered::test_the_search_finds_a_chapter",
    ],
    "claims by source and verdict": [
        "rendered::test_claims_can_be_filtered_by_source_and_verdict",
        "build::test_a_claim_leads_to_the_line_of_the_cell_that_computed_it",
    ],
    "internal links and their fragments": [
        "build::test_the_check_finds",
        "build::test_every_page_is_valid_html",
    ],
    "comparing a re-run with the published run": [
        "compare::test_the_command_says_what_moved_and_ends_with_three",
    ],
}


@pytest.mark.parametrize("feature", FEATURES)
def test_the_feature_has_its_tests(feature):
    for named in FEATURES[feature]:
        module, _, name = named.partition("::")
        tree = ast.parse((TESTS / f"test_{module}.py").read_text("utf8"))
        assert name in {n.name for n in tree.body if isinstance(n, ast.FunctionDef)}
