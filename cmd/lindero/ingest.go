package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"

	"github.com/schollz/progressbar/v3"
	"golang.org/x/sync/errgroup"

	"lindero/client"
)

// ingestCommand sends files to a running server. Unchanged documents cost nothing, so after a crash the same
// command goes on where it was.
type ingestCommand struct {
	tenantAccess
	output
	Paths      []string `arg:"" name:"path" help:"Files, directories, globs, .jsonl files with a document a line, or - for such lines on standard input."`
	Collection string   `default:"default" help:"Where they go."`
	Parallel   int      `default:"4" help:"Requests at once."`
	DryRun     bool     `help:"Only list what would be sent."`
}

// failure is one document that is not in the collection.
type failure struct {
	ID     string `json:"id"`
	Code   string `json:"code"`
	Detail string `json:"detail"`
}

// summary is what became of an ingestion.
type summary struct {
	Sent      int       `json:"sent"`     // documents read and sent
	Accepted  int       `json:"accepted"` // taken in by the server, unchanged ones included
	Failures  []failure `json:"failures"`
	Documents []string  `json:"documents,omitempty"` // with --dry-run
}

// Run sends everything and waits until it is searchable.
func (i *ingestCommand) Run(c *console) error {
	files, err := findFiles(i.Paths)
	if err != nil {
		return err
	}
	sender := &sender{command: i, console: c, summary: summary{Failures: []failure{}}}
	if i.DryRun {
		return sender.list(files)
	}
	if sender.api, err = i.client(); err != nil {
		return err
	}
	sender.bar = newBar(c, len(files))
	err = sender.sendAll(files)
	_ = sender.bar.Finish()
	if err != nil {
		return err
	}
	return sender.report()
}

// newBar draws on standard error, and only where somebody watches.
func newBar(c *console, total int) *progressbar.ProgressBar {
	if !isTerminal(c.err) {
		return progressbar.DefaultSilent(int64(total))
	}
	return progressbar.NewOptions(total, progressbar.OptionSetWriter(c.err), progressbar.OptionShowCount(), progressbar.OptionShowIts(),
		progressbar.OptionSetItsString("documents"), progressbar.OptionSetDescription("indexing"), progressbar.OptionClearOnFinish())
}

// sender is one run of the command.
type sender struct {
	command *ingestCommand
	console *console
	api     *client.Client
	bar     *progressbar.ProgressBar

	mu      sync.Mutex
	summary summary
}

// sendAll reads batch after batch and sends several at once. Reading waits when all senders are busy, so memory
// stays bounded whatever there is to send.
func (s *sender) sendAll(files []source) error {
	group, ctx := errgroup.WithContext(s.console.ctx)
	group.SetLimit(max(1, s.command.Parallel))
	err := eachBatch(files, s.console.in, s.unreadable, func(batch []client.NewDocument) error {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		group.Go(func() error { return s.send(ctx, batch) })
		return nil
	})
	if sending := group.Wait(); sending != nil {
		return sending
	}
	return err
}

// send puts one batch in and waits for it.
func (s *sender) send(ctx context.Context, batch []client.NewDocument) error {
	bulk, err := s.api.PutDocuments(ctx, s.command.Collection, batch)
	if err != nil {
		return err
	}
	s.mu.Lock()
	s.summary.Sent += len(batch)
	s.summary.Accepted += bulk.Accepted
	for _, r := range bulk.Rejected {
		s.summary.Failures = append(s.summary.Failures, failure{ID: batch[r.Index].ID, Code: r.Code, Detail: r.Detail})
	}
	s.mu.Unlock()
	done := int64(0)
	operation, err := s.api.WaitOperation(ctx, bulk.Operation.ID, func(o client.Operation) {
		_ = s.bar.Add64(o.Counts.Done - done)
		done = o.Counts.Done
	})
	if err != nil {
		return err
	}
	_ = s.bar.Add64(int64(len(batch)) - done)
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, e := range operation.Errors {
		s.summary.Failures = append(s.summary.Failures, failure{ID: e.DocumentID, Code: e.Code, Detail: e.Detail})
	}
	if unnamed := int(operation.Counts.Failed) - len(operation.Errors); unnamed > 0 {
		s.summary.Failures = append(s.summary.Failures, failure{Code: "more", Detail: fmt.Sprintf("%d more failed in operation %s", unnamed, operation.ID)})
	}
	return nil
}

// unreadable notes a file that could not even be sent.
func (s *sender) unreadable(id string, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.summary.Failures = append(s.summary.Failures, failure{ID: id, Code: "unreadable", Detail: err.Error()})
}

func (s *sender) list(files []source) error {
	err := eachBatch(files, s.console.in, s.unreadable, func(batch []client.NewDocument) error {
		for _, d := range batch {
			s.summary.Documents = append(s.summary.Documents, d.ID)
		}
		return nil
	})
	if err != nil {
		return err
	}
	if s.command.JSON {
		return printJSON(s.console.out, s.summary)
	}
	for _, id := range s.summary.Documents {
		fmt.Fprintln(s.console.out, id)
	}
	return nil
}

// errIncomplete makes the exit code tell that something is missing; the summary said what.
var errIncomplete = errors.New("not every document was indexed")

func (s *sender) report() error {
	slices.SortFunc(s.summary.Failures, func(a, b failure) int { return slices.Compare([]byte(a.ID), []byte(b.ID)) })
	if s.command.JSON {
		if err := printJSON(s.console.out, s.summary); err != nil {
			return err
		}
	} else {
		fmt.Fprintf(s.console.out, "%d of %d documents are in collection %s.\n", s.summary.Sent-len(s.summary.Failures), s.summary.Sent, s.command.Collection)
		rows := [][]string{{"FAILED", "CODE", "WHY"}}
		for _, f := range s.summary.Failures {
			rows = append(rows, []string{f.ID, f.Code, f.Detail})
		}
		if len(rows) > 1 {
			if err := printTable(s.console.out, rows); err != nil {
				return err
			}
		}
	}
	if len(s.summary.Failures) > 0 {
		return errIncomplete
	}
	return nil
}
