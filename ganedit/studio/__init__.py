"""`ganedit studio`: a local page to edit with the mouse. Only this package imports gradio."""
