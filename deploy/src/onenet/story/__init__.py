"""`onenet story`: the main job, told step by step, every promise checked on the way."""

from onenet.story.run import run_story as run_story
