"""The formats of `tfgate report`, one module each.

Each has FILE, the name of its file, and render(judged), which returns judged runs (a sequence of Judged) as the file's
text, or raises UnfitError for runs that the format can't hold. Those that hold a survey have render_survey(found), too.
"""
