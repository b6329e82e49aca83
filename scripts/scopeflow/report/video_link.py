"""Section of the video, which lies beside the page."""

from scopeflow.report.page import Section

FILE = "video.mp4"


def video_section() -> Section:
    """Return a player of the video beside the page; without it, the page stays whole."""
    return Section(
        "video",
        "Video",
        "Left to right: the recording; registered and without the background b f; what the units "
        "explain (A C); what is left. The last three share one scale. Good: cells that flash in "
        "the second are seen in the third and are gone from the fourth. Bad: cells left in the "
        "fourth (missed), dark holes there (explained twice), everything moving (motion).",
        f'<video id="video-player" controls preload="metadata" src="{FILE}#t=0.1"></video>'
        f'<p><a href="{FILE}">{FILE}</a> lies beside this page; keep both together.</p>',
    )
