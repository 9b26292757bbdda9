"""Bugs that are planted on purpose, to see that the crash histories find each of them.

Nothing of this is in the product: each bug puts something else in the place of a function or two while it is
planted.
"""

from tests.crash import output_bugs, state_bugs, storage_bugs
from tests.crash.planting import Bug

BUGS = (
    Bug("commits are not synced", storage_bugs.commits_are_not_synced),
    Bug("temporary files are not synced before their rename", storage_bugs.without_sync(".tmp")),
    Bug("decision files are not synced", storage_bugs.without_sync(".jsonl")),
    Bug("directories are not synced after a rename", storage_bugs.names_are_not_synced),
    Bug("new directories are not synced", storage_bugs.new_directories_are_not_synced),
    Bug("an error of fsync is ignored", storage_bugs.errors_of_sync_are_ignored, faults=1.0),
    Bug("work goes on after a failed fsync", storage_bugs.work_goes_on_after_a_failed_sync, faults=1.0),
    Bug("the position is committed before the state", state_bugs.position_before_state),
    Bug("the position is not committed", state_bugs.position_is_not_in_the_commit),
    Bug("the journal is a commit behind", state_bugs.journal_after_the_rest),
    Bug("the sink gets decisions before the journal", output_bugs.sink_before_journal),
    Bug("the outbox notes before the sink has them", output_bugs.relay_notes_first),
    Bug("the sink delivers again what it has", output_bugs.outbox_not_deduplicated),
    Bug("a torn line stays in a decision file", output_bugs.torn_line_left),
    Bug("a checkpoint is written in place", state_bugs.snapshot_in_place),
    Bug("a checkpoint loses the watermarks", state_bugs.lost_watermark),
    Bug("entities that sleep are forgotten at a start", state_bugs.sleepers_are_forgotten),
    Bug("entities sleep before they are saved", state_bugs.changes_sleep_unsaved),
    Bug("later parts of a window are forgotten at a start", state_bugs.parts_of_windows_are_forgotten),
    Bug("the same of windows that overlap", state_bugs.parts_of_windows_are_forgotten, block=5),
    Bug("a checkpoint loses the waiting labels", state_bugs.lost_label_joins),
    Bug("a step is applied twice in recovery", state_bugs.steps_taken_twice),
    Bug("requests are forgotten in recovery", state_bugs.lost_requests),
    Bug("an answer leaves before its commit", state_bugs.answer_before_commit),
    Bug("an event is acknowledged before its commit", state_bugs.append_before_commit),
    Bug("an event sent again is taken for another", state_bugs.retries_are_new_events),
    Bug("exported rows go before their file is durable", output_bugs.export_done_before_its_file),
    Bug("late records are written down nowhere", output_bugs.late_is_not_told),
    Bug("refused records are kept without their watermark", output_bugs.refused_without_reason),
    Bug("decisions delivered together say what the first says", output_bugs.delivered_as_the_first),
    Bug("files begin with the rows of the last step", output_bugs.newest_rows_first),
    Bug("a file has its name before its rows", output_bugs.file_named_before_its_rows),
    Bug("a view that no model reads is forgotten at a start", state_bugs.view_is_forgotten),
    Bug("late records count as applied", output_bugs.late_counts_as_applied),
)

SHOWN_BY = {
    "I1": "an answer leaves before its commit",
    "I2": "a checkpoint loses the waiting labels",
    "I3": "files begin with the rows of the last step",
    "I4": "a file has its name before its rows",
    "I5": "a view that no model reads is forgotten at a start",
    "I6": "decisions delivered together say what the first says",
    "I7": "refused records are kept without their watermark",
    "I8": "late records count as applied",
}
"""For each invariant, a bug that it finds and the others do not."""
