"""`onenet story`: the main job step by step, with a check of every promise."""

from onenet.story.run import run_story as run_story
