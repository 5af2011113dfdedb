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
	"time"
	"unicode"
)

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
