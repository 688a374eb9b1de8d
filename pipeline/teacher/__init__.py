"""The local teacher: an OpenAI-compatible endpoint that decides from the pixels in the request, and nothing else."""
