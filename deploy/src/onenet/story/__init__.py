"""`onenet story`: the main job, told step by step, every promise checked on the way."""

from onenet.story.telling import tell_story as tell_story
