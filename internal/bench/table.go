package bench

import (
	"fmt"
	"strconv"
)

// Tables for people: rows of columns, the first row being the heading.

// Tables of a run over sizes: searches, ingestion, memory.
func (r *Sizes) Tables() [][][]string {
	searches := [][]string{{"TENANTS", "CHUNKS", "SEARCH", "P50 MS", "P95", "P99", "PER SECOND", "RECALL", "EXACT", "SHORT", "RAW P50", "RATIO"}}
	for _, c := range r.Cells {
		if c.Error != "" {
			continue
		}
		rawP50 := "–"
		if c.Raw != nil {
			rawP50 = ms(c.Raw.P50)
		}
		searches = append(searches, []string{
			strconv.Itoa(c.Tenants), strconv.Itoa(c.Chunks), c.Search, ms(c.P50), ms(c.P95), ms(c.P99), fmt.Sprintf("%.0f", c.Throughput),
			share(c.Truth), share(c.Recall.Exact), strconv.Itoa(c.Short + c.Doubles), rawP50, share(c.Ratio),
		})
	}
	for _, c := range r.Cells {
		if c.Error != "" {
			searches = append(searches, []string{strconv.Itoa(c.Tenants), strconv.Itoa(c.Chunks), c.Search + " failed: " + c.Error})
		}
	}
	ingest := [][]string{{"TENANTS", "CHUNKS", "LOADED IN S", "CHUNKS PER SECOND"}}
	for _, i := range r.Ingest {
		ingest = append(ingest, []string{strconv.Itoa(i.Tenants), strconv.Itoa(i.Chunks), fmt.Sprintf("%.1f", i.Seconds), fmt.Sprintf("%.0f", i.Rate)})
	}
	memory := [][]string{{"MEMORY", "SERVER MB", "POSTGRESQL MB"}, r.Loaded.row("loaded"), r.Searched.row("searched")}
	return [][][]string{searches, ingest, memory}
}

// Tables of a noisy neighbourhood.
func (n *Noisy) Tables() [][][]string {
	rows := [][]string{{"NEIGHBOUR", "P50 MS", "P95", "P99", "SEARCHES", "NEIGHBOUR'S PER SECOND", "CHUNKS ACCEPTED", "INDEXED PER SECOND"}}
	for _, p := range n.Phases {
		rows = append(rows, []string{p.Neighbour, ms(p.P50), ms(p.P95), ms(p.P99), strconv.FormatInt(p.Searches, 10),
			fmt.Sprintf("%.0f", p.Neighbours), fmt.Sprintf("%.0f", p.Accepted), fmt.Sprintf("%.0f", p.Indexed)})
	}
	return [][][]string{rows, {{"P95 RATIO"}, {fmt.Sprintf("%.2f", n.Ratio)}}}
}

// Tables of many tenants.
func (m *Many) Tables() [][][]string {
	searches := [][]string{{"TENANTS", "FIRST P50 MS", "P95", "P99", "AGAIN P50 MS", "P95", "P99"}}
	for _, p := range []Population{m.Few, m.All} {
		searches = append(searches, []string{strconv.Itoa(p.Tenants), ms(p.First.P50), ms(p.First.P95), ms(p.First.P99),
			ms(p.Again.P50), ms(p.Again.P95), ms(p.Again.P99)})
	}
	start := "–"
	if m.Start != nil {
		start = fmt.Sprintf("%.2f", *m.Start)
	}
	memory := m.After.row("")
	return [][][]string{searches, {
		{"P95 RATIO", "CREATED PER SECOND", "LOADED PER SECOND", "SERVER MB", "POSTGRESQL MB", "START TO READY S"},
		{fmt.Sprintf("%.2f", m.Ratio), rate(m.Created), rate(m.Loaded), memory[1], memory[2], start},
	}}
}

// Tables of a deletion: the whole of it, and the space at some moments.
func (d *Deletion) Tables() [][][]string {
	tables := [][][]string{{
		{"CHUNKS", "ANSWERED IN MS", "SEARCHES AFTERWARDS", "THAT FOUND SOMETHING"},
		{strconv.Itoa(d.Chunks), ms(d.Answer), strconv.FormatInt(d.Searches, 10), strconv.FormatInt(d.Found, 10)},
	}}
	if len(d.Sizes) == 0 {
		return tables
	}
	space := [][]string{{"SECONDS AFTERWARDS", "DATABASE MB", "RETURNED"}, {"before", strconv.FormatInt(d.Loaded>>20, 10), ""}}
	for i, at := range d.Sizes {
		if i%10 == 0 || i == len(d.Sizes)-1 {
			space = append(space, []string{fmt.Sprintf("%.1f", at.Seconds), strconv.FormatInt(at.Bytes>>20, 10), fmt.Sprintf("%.0f %%", 100*d.Returned(at.Bytes))})
		}
	}
	return append(tables, space)
}

func (m Memory) row(name string) []string {
	return []string{name, megabytes(m.Server), megabytes(m.Database)}
}

func megabytes(n *int64) string {
	if n == nil {
		return "–"
	}
	return strconv.FormatInt(*n>>20, 10)
}

// rate is a number a second; nothing where none was measured.
func rate(v float64) string {
	if v == 0 {
		return "–"
	}
	return fmt.Sprintf("%.0f", v)
}

func ms(v float64) string { return fmt.Sprintf("%.2f", v) }

func share(v *float64) string {
	if v == nil {
		return "–"
	}
	return fmt.Sprintf("%.3f", *v)
}
