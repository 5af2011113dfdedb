package main

import (
	"time"
)

// ingestCommand sends files to a running server. Documents the server has already are left out by their hash, so
// after a crash the same command goes on where it was.
type ingestCommand struct {
	tenantAccess
	output
	Paths         []string `arg:"" name:"path" help:"Files, directories, patterns with *, ? and **, .jsonl or .ndjson files with a document a line, or - for such lines on standard input."`
	Collection    string   `default:"default" help:"Where they go."`
	Prefix        string   `help:"Put before the ids of files, such as handbook/, to keep several folders apart in one collection."`
	Follow        bool     `help:"Follow symbolic links below directories."`
	Parallel      int      `default:"4" help:"Requests at once."`
	Wait          bool     `default:"true" negatable:"" help:"Wait until everything is searchable, and report what could not be indexed."`
	RetryFailed   bool     `help:"Send again also what the server could not index for a reason that lies in the file."`
	DeleteMissing bool     `help:"Mirror directories: delete the documents (those below --prefix, if given) whose files are gone."`
	Yes           bool     `help:"Let --delete-missing delete all or most of the documents."`
	DryRun        bool     `help:"Only print what would be sent and deleted."`
}

// patience is how long an ingestion goes on trying while the server is away, or its queue is full.
const patience = 15 * time.Minute

// Help is shown by lindero ingest --help.
func (i *ingestCommand) Help() string {
	return `A document's id is the path of its file below the directory given, with forward slashes and in Unicode's
composed form, after --prefix: handbook/setup/router.md. A file given by itself has its name as id, and of a pattern
the part before the first wildcard counts as the directory. Lines bring their own ids. Hidden files and empty files
are left out.

What the server has already, by a hash of everything that is sent, is not sent again. To go on after Ctrl-C or a
crash, run the same command again.

Exit codes: 0 everything is there, 1 something failed (standard output says what), 2 wrong usage, 130 interrupted.`
}

// Run sends everything and, unless told otherwise, waits until it is searchable.
func (i *ingestCommand) Run(c *console) error {
	if err := i.check(); err != nil {
		return err
	}
	found, err := findFiles(i.Paths, i.Prefix, i.Follow)
	if err != nil {
		return err
	}
	if err := i.checkMirror(found); err != nil {
		return err
	}
	hasty, err := i.client()
	if err != nil {
		return err
	}
	// A wrong key, collection or server shows before anything is read, and without patience.
	if _, err := hasty.Collection(c.ctx, i.Collection); err != nil {
		if c.ctx.Err() != nil {
			return errInterrupted
		}
		return err
	}
	api, err := i.patientClient(patience)
	if err != nil {
		return err
	}
	run := newIngestion(i, c, api, found)
	return run.result.end(run.run())
}

func (i *ingestCommand) check() error {
	if i.Parallel < 1 || i.Parallel > 64 {
		return usageError{"--parallel must be 1 to 64"}
	}
	stdin := 0
	for _, path := range i.Paths {
		if path == stdinPath {
			stdin++
		}
	}
	if stdin > 1 {
		return usageError{"standard input (-) can be read only once"}
	}
	return nil
}
