package chunk

import "lindero/ingest/extract"

// splitStructure packs units into chunks. Where it cuts depends on the text near the cut alone (its rank,
// and a hash of what follows among cuts of equal rank), not on where the chunk began, so after a change the
// cuts soon fall where they did before and distant chunks keep their text and their embeddings.
func splitStructure(doc extract.Document, options Options) []Chunk {
	p := packer{text: doc.Text, blocks: doc.Blocks, options: options, units: units(doc, options.MaxTokens), header: tablePrefix{block: -1}}
	p.paths = newPaths(doc)
	p.total = make([]int, len(p.units)+1)
	for i, u := range p.units {
		p.total[i+1] = p.total[i] + u.tokens
	}
	var chunks []Chunk
	header := headerFinder{blocks: doc.Blocks}
	for first, before := 0, 0; first < len(p.units); { // before: the first unit new in the chunk before
		prefix := p.prefix(first, &header)
		from := first
		if prefix == "" {
			from = p.overlap(before, first)
		}
		budget := options.MaxTokens - Count(prefix) - p.tokens(from, first)
		if p.units[first].tokens > budget {
			prefix, from, budget = "", first, options.MaxTokens
		}
		next := p.cut(first, budget)
		start, end := trim(doc.Text, p.units[from].start, p.units[next-1].end)
		if start < end {
			chunks = append(chunks, Chunk{
				Prefix:  prefix,
				Context: p.paths.common(p.units[first].block, p.units[next-1].block),
				Start:   start,
				End:     end,
			})
		}
		before, first = first, next
	}
	return chunks
}

type packer struct {
	text    string
	blocks  []extract.Block
	options Options
	units   []unit
	total   []int // tokens of all units before one
	paths   paths
	header  tablePrefix // of the table that prefix was last asked for
}

// tokens of units[from:to].
func (p *packer) tokens(from, to int) int { return p.total[to] - p.total[from] }

// prefix is the header of the table that a chunk from unit first on would continue, unless the header is so
// long that it would leave little room for rows.
func (p *packer) prefix(first int, header *headerFinder) string {
	block := p.units[first].block
	if p.blocks[block].Kind != extract.TableRow {
		return ""
	}
	h := header.of(block)
	if h < 0 {
		return ""
	}
	if h != p.header.block { // counted once: it may be long, and its rows many
		p.header = tablePrefix{block: h}
		if text := p.text[p.blocks[h].Start:p.blocks[h].End]; Count(text) <= p.options.MaxTokens/2 {
			p.header.text = text + "\n"
		}
	}
	return p.header.text
}

// tablePrefix is what the chunks of a table repeat, by the block of its header.
type tablePrefix struct {
	block int
	text  string
}

// overlap is the unit from which a chunk repeats sentences of the one before: within the same section, in
// running text only, and as many whole sentences as the overlap allows, but never all that was new in it.
func (p *packer) overlap(before, first int) int {
	if p.units[first].rank.isHeading() {
		return first
	}
	from := first
	for i := first - 1; i > before && p.tokens(i, first) <= p.options.OverlapTokens; i-- {
		kind := p.blocks[p.units[i].block].Kind
		if kind != extract.Paragraph && kind != extract.ListItem && kind != extract.Quote {
			break
		}
		if p.units[i].rank <= beforeSentence {
			from = i
		}
	}
	return from
}

// cut chooses where the chunk that begins at first ends: before the unit returned. Units first to the cut
// cost at most budget, which holds at least unit first.
//
// What is left goes into one chunk if it fits. Otherwise a cut leaves at least a third of the budget; among
// those of the best rank the one before the smallest hash wins. Where no heading is among them, an earlier
// heading is still better than tearing the next section, provided that the chunk is the rest of a section
// itself or at least an eighth of the budget.
func (p *packer) cut(first, budget int) int {
	if p.tokens(first, len(p.units)) <= budget {
		return len(p.units)
	}
	small := budget / 8
	if !p.units[first].rank.isHeading() {
		small = 0
	}
	best, bestHash, last, heading := -1, uint64(0), first+1, -1
	for i := first + 1; i < len(p.units); i++ {
		tokens := p.tokens(first, i)
		if tokens > budget {
			break
		}
		last = i
		u := p.units[i]
		if tokens < budget/3 {
			if u.rank.isHeading() && tokens >= small && heading < 0 {
				heading = i
			}
			continue
		}
		if best >= 0 && u.rank > p.units[best].rank {
			continue
		}
		h := hash(p.text[u.start:min(u.end, u.start+64)])
		if best < 0 || u.rank < p.units[best].rank || h <= bestHash {
			best, bestHash = i, h
		}
	}
	switch {
	case heading >= 0 && (best < 0 || !p.units[best].rank.isHeading()):
		return heading
	case best >= 0:
		return best
	default:
		return last
	}
}

// hash is FNV-1a with a final mix, without which similar texts would have similar hashes.
func hash(s string) uint64 {
	h := uint64(14695981039346656037)
	for i := 0; i < len(s); i++ {
		h = (h ^ uint64(s[i])) * 1099511628211
	}
	h ^= h >> 32
	h *= 0xd6e8feb86659fd93
	return h ^ h>>32
}
