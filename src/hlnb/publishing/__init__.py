"""From notebook sources to the published page."""
