package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"
	"unicode/utf8"

	"golang.org/x/term"

	"lindero/client"
)

// searchCommand asks a running server.
type searchCommand struct {
	tenantAccess
	output
	Query      string   `arg:"" help:"What to look for."`
	Collection []string `help:"Collections to search; default when left out."`
	Mode       string   `default:"hybrid" enum:"hybrid,semantic,lexical" help:"hybrid, semantic or lexical."`
	TopK       int      `name:"top-k" default:"5" help:"How many passages."`
	Filter     string   `help:"A filter as JSON, such as {\"year\":{\"$gte\":2024}}."`
	Group      bool     `help:"At most one passage a document."`
	Explain    bool     `help:"Tell how the answer came about (with --json)."`
}

// Run prints ranked passages.
func (s *searchCommand) Run(c *console) error {
	api, err := s.client()
	if err != nil {
		return err
	}
	request := client.SearchRequest{
		Query: s.Query, Collections: s.Collection, Mode: s.Mode, TopK: s.TopK, Explain: s.Explain,
		Include: []string{"text", "metadata", "highlights"},
	}
	if s.Filter != "" {
		if !json.Valid([]byte(s.Filter)) {
			return usageError{"--filter is not valid JSON"}
		}
		request.Filter = json.RawMessage(s.Filter)
	}
	if s.Group {
		request.GroupBy = "document"
	}
	found, err := api.Search(c.ctx, request)
	if err != nil {
		return err
	}
	if s.JSON {
		return printJSON(c.out, found)
	}
	for _, warning := range found.Warnings {
		fmt.Fprintln(c.err, "warning:", warning.Detail)
	}
	if len(found.Results) == 0 {
		fmt.Fprintln(c.out, "Nothing found.")
		return nil
	}
	for i, hit := range found.Results {
		printHit(c.out, i+1, hit)
	}
	fmt.Fprintf(c.err, "%d passages in %.1f ms\n", len(found.Results), found.TookMS)
	return nil
}

// snippetBytes is about how much of a passage is shown.
const snippetBytes = 320

func printHit(w io.Writer, rank int, hit client.Hit) {
	title := hit.Title
	if title == "" {
		title = hit.DocumentID
	}
	fmt.Fprintf(w, "%d. %s  (%.4g)\n   %s/%s, passage %d\n", rank, title, hit.Score, hit.Collection, hit.DocumentID, hit.Position.Chunk+1)
	text := snippet(hit, isTerminal(w))
	fmt.Fprintf(w, "   %s\n\n", strings.Join(strings.Fields(text), " "))
}

// snippet is the part of a passage around its first match, the matches in bold on a terminal.
func snippet(hit client.Hit, bold bool) string {
	from := 0
	if len(hit.Highlights) > 0 && len(hit.Text) > snippetBytes {
		from = runeStart(hit.Text, max(0, hit.Highlights[0].Start-snippetBytes/4))
	}
	to := runeStart(hit.Text, min(len(hit.Text), from+snippetBytes))
	var b strings.Builder
	at := from
	for _, h := range hit.Highlights {
		if h.Start < at || h.End > to || !bold {
			continue
		}
		b.WriteString(hit.Text[at:h.Start] + "\x1b[1m" + hit.Text[h.Start:h.End] + "\x1b[0m")
		at = h.End
	}
	b.WriteString(hit.Text[at:to])
	return b.String()
}

func runeStart(s string, at int) int {
	for at > 0 && at < len(s) && !utf8.RuneStart(s[at]) {
		at--
	}
	return at
}

func isTerminal(w io.Writer) bool {
	file, ok := w.(*os.File)
	return ok && term.IsTerminal(int(file.Fd()))
}
