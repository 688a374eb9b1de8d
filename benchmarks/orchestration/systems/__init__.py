"""One module for each system: `main(url, folder, out)` does the job, as its own documentation has it done."""
