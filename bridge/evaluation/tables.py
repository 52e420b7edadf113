"""Scores as CSV, a row a song, for spreadsheets and statistics."""

import csv
import io

from restem.bridge.evaluation.scores import Scores


def as_csv(scores: Scores) -> str:
    """Columns `metric.stem.system`; a cell is empty where nothing was scored."""
    metrics = [metric for metric in scores.metrics if metric.key in scores.clips[0].scores]
    keys = [
        (metric.key, stem, system)
        for metric in metrics
        for stem in scores.stems
        for system in scores.systems
    ]
    clips = {(clip.song, clip.stem): clip.scores for clip in scores.clips}
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["song", *map(".".join, keys)])
    for song in dict.fromkeys(clip.song for clip in scores.clips):
        row: list[object] = [song]
        for metric_key, stem, system in keys:
            value = clips.get((song, stem), {}).get(metric_key, {}).get(system)
            row.append("" if value is None or value != value else f"{value:.6g}")
        writer.writerow(row)
    return text.getvalue()
