package main

import (
	"fmt"
	"sync"
	"time"

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
