"""The formats of `tfgate report`, one module each: FILE, the name of the file, and render(judged), its text."""
