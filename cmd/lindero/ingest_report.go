package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
	"unicode"

	"lindero/client"
)

// Codes of failures that the server has no word in.
const (
	codeUnreadable = "unreadable"
	codeTooLarge   = "too_large"
)

// failure is one document that is not in the collection as it should be.
type failure struct {
	ID     string `json:"id,omitempty"`
	Source string `json:"source,omitempty"` // its file, with :line
	Code   string `json:"code"`
	Detail string `json:"detail"`
}

func failureOf(document item, e *client.Failure) failure {
	if e == nil {
		e = &client.Failure{Code: "failed"}
	}
	return failure{ID: document.id, Source: document.where, Code: e.Code, Detail: e.Detail}
}

// Bounds of what is remembered and printed of a run.
const (
	keptFailures    = 10_000
	printedFailures = 50
)

// What --dry-run says would be done.
const (
	actionUpload = "upload"
	actionDelete = "delete"
)

type action struct {
	Action string `json:"action"`
	ID     string `json:"id"`
	Why    string `json:"why"` // new, changed, failed before or missing
}

// summary is what became of an ingestion.
type summary struct {
	Collection  string    `json:"collection"`
	DryRun      bool      `json:"dry_run"`
	Interrupted bool      `json:"interrupted"`
	Uploaded    int       `json:"uploaded"`  // taken in by the server as new or changed
	Unchanged   int       `json:"unchanged"` // there already
	Deleted     int       `json:"deleted"`
	Empty       int       `json:"empty"` // files without content, left out
	Links       int       `json:"links"` // symbolic links, not followed
	Failed      int       `json:"failed"`
	Bytes       int64     `json:"bytes"` // read
	Seconds     float64   `json:"seconds"`
	Failures    []failure `json:"failures"` // the first 10,000
	Actions     []action  `json:"actions,omitempty"`
}

// report collects what happens, from all goroutines.
type report struct {
	command *ingestCommand
	console *console
	bar     *progress
	began   time.Time

	mu      sync.Mutex
	summary summary
	unknown bool // something could not be read whose ids nobody knows
}

func newReport(command *ingestCommand, c *console, found findings) *report {
	now := time.Now()
	r := &report{command: command, console: c, began: now, summary: summary{
		Collection: command.Collection, DryRun: command.DryRun, Links: found.links, Failures: []failure{},
	}}
	r.bar = newProgress(c.err, isTerminal(c.err) && !command.DryRun, found.bytes, now)
	for _, f := range found.failures {
		r.unread(f)
	}
	return r
}

// settled moves the bar on, by documents and bytes of sources with which nothing more will happen.
func (r *report) settled(documents int, bytes int64) {
	r.change(func(s *summary) { s.Bytes += bytes })
	r.bar.add(documents, bytes)
}

func (r *report) change(by func(*summary)) {
	r.mu.Lock()
	defer r.mu.Unlock()
	by(&r.summary)
}

func (r *report) empty() { r.change(func(s *summary) { s.Empty++ }) }

func (r *report) uploaded(documents int) { r.change(func(s *summary) { s.Uploaded += documents }) }

func (r *report) unchanged() { r.change(func(s *summary) { s.Unchanged++ }) }

func (r *report) deleted(documents int) { r.change(func(s *summary) { s.Deleted += documents }) }

func (r *report) failed(f failure) {
	r.change(func(s *summary) {
		s.Failed++
		if len(s.Failures) < keptFailures {
			s.Failures = append(s.Failures, f)
		}
	})
}

// unread is a failure that leaves it open which documents there would have been.
func (r *report) unread(f failure) {
	r.failed(f)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.unknown = true
}

func (r *report) incomplete() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.unknown
}

// would notes, with --dry-run, what is not done.
func (r *report) would(what, id, why string) {
	if !r.command.DryRun {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.command.JSON {
		r.summary.Actions = append(r.summary.Actions, action{what, id, why})
		return
	}
	fmt.Fprintf(r.console.out, "%s  %s  (%s)\n", what, id, why)
}

// errIncomplete makes the exit code tell that something is missing; the summary said what.
var errIncomplete = errors.New("not every document was indexed")

// end prints the summary of a run that ended with err and returns what the command ends with.
func (r *report) end(err error) error {
	r.bar.end()
	s := &r.summary
	s.Seconds = time.Since(r.began).Seconds()
	s.Interrupted = r.console.ctx.Err() != nil && err != nil
	slices.SortStableFunc(s.Failures, func(a, b failure) int {
		return cmp.Or(strings.Compare(a.Source, b.Source), strings.Compare(a.ID, b.ID))
	})
	printed := r.print()
	switch {
	case s.Interrupted:
		r.resume()
		return errInterrupted
	case err != nil && !errors.Is(err, context.Canceled):
		r.resume()
		return err
	case err != nil || printed != nil:
		return errors.Join(err, printed)
	case s.Failed > 0:
		return errIncomplete
	}
	return nil
}

func (r *report) print() error {
	s := r.summary
	if r.command.JSON {
		return printJSON(r.console.out, s)
	}
	if !s.DryRun {
		fmt.Fprintf(r.console.out, "Collection %s: %d uploaded, %d unchanged, %d deleted, %d failed, in %.1f s.\n",
			s.Collection, s.Uploaded, s.Unchanged, s.Deleted, s.Failed, s.Seconds)
	}
	if s.Empty > 0 {
		fmt.Fprintf(r.console.err, "%d empty files were left out.\n", s.Empty)
	}
	if s.Links > 0 {
		fmt.Fprintf(r.console.err, "%d symbolic links were not followed (--follow does).\n", s.Links)
	}
	return r.printFailures()
}

// printFailures prints how many there are of each code, and the first of them.
func (r *report) printFailures() error {
	all := r.summary.Failures
	if len(all) == 0 {
		return nil
	}
	byCode := map[string]int{}
	for _, f := range all {
		byCode[f.Code]++
	}
	rows := [][]string{{"CODE", "FAILED"}}
	for _, code := range slices.Sorted(maps.Keys(byCode)) {
		rows = append(rows, []string{code, strconv.Itoa(byCode[code])})
	}
	if err := printTable(r.console.out, rows); err != nil {
		return err
	}
	rows = [][]string{{"DOCUMENT", "SOURCE", "CODE", "WHY"}}
	for _, f := range all[:min(len(all), printedFailures)] {
		rows = append(rows, []string{printable(f.ID), printable(f.Source), f.Code, printable(f.Detail)})
	}
	fmt.Fprintln(r.console.out)
	if err := printTable(r.console.out, rows); err != nil {
		return err
	}
	if more := r.summary.Failed - printedFailures; more > 0 {
		fmt.Fprintf(r.console.out, "… and %d more; --json lists up to %d.\n", more, keptFailures)
	}
	return nil
}

// printable keeps control characters of file names off the terminal.
func printable(s string) string {
	return strings.Map(func(c rune) rune {
		if unicode.IsControl(c) {
			return unicode.ReplacementChar
		}
		return c
	}, strings.ToValidUTF8(s, "\ufffd"))
}

// resume says how to go on.
func (r *report) resume() {
	again := "run the same command again"
	if slices.Contains(r.command.Paths, stdinPath) {
		again += " with the same input"
	}
	fmt.Fprintf(r.console.err, "What the server has stays. To go on, %s:\n  lindero %s\n", again, commandLine(r.console.args))
}

// commandLine is args as a shell takes them, without the key.
func commandLine(args []string) string {
	var quoted []string
	for i := 0; i < len(args); i++ {
		switch arg := args[i]; {
		case arg == "--api-key":
			i++
		case strings.HasPrefix(arg, "--api-key="):
		case arg != "" && !strings.ContainsFunc(arg, func(c rune) bool {
			return !strings.ContainsRune("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_./=:,+@%", c)
		}):
			quoted = append(quoted, arg)
		default:
			quoted = append(quoted, "'"+strings.ReplaceAll(arg, "'", `'\''`)+"'")
		}
	}
	return strings.Join(quoted, " ")
}
