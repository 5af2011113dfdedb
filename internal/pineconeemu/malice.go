package pineconeemu

import (
	"fmt"
	"math"
	"math/rand/v2"
	"strings"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/structpb"
)

// Malice is the ways in which Query lies, a set: ForeignRecords | Duplicates is both.
type Malice uint32

// The ways. Applied in this order, each to what the ones before made of the answer.
const (
	ForeignRecords Malice = 1 << iota // records of the index's other namespaces are in front, with perfect scores
	ForeignIDs                        // every second match bears the id of another namespace's record
	ForeignFields                     // every second match bears the metadata of another namespace's record
	UnknownIDs                        // matches whose ids look right and are stored nowhere
	GarbageIDs                        // ids that are empty, huge, control characters, markup, SQL, paths
	WrongScores                       // scores out of range, and not in order
	NotFinite                         // scores NaN and ±Inf
	Duplicates                        // every match three times
	Flood                             // 10,000 matches, whatever top_k was

	// EveryMalice is all of them together.
	EveryMalice Malice = 1<<iota - 1
)

// SetMalice makes every Query answer lie from now on; 0 makes them honest again.
func (e *Emulator) SetMalice(m Malice) { e.malice.Store(uint32(m)) }

const floodMatches = 10_000

// corrupt lies about a query's matches as far as the malice in force says.
func (x *index) corrupt(matches []match, request proto.Message) []match {
	malice := Malice(x.emulator.malice.Load())
	if malice == 0 {
		return matches
	}
	c := corruption{
		foreign: x.foreign(canonical(namespaceOf(request)), request.(queryRequest)),
		random:  rand.New(rand.NewPCG(x.emulator.cfg.Seed, uint64(len(matches)))),
		matches: matches,
	}
	for _, way := range []struct {
		malice Malice
		do     func(*corruption)
	}{
		{ForeignRecords, (*corruption).foreignRecords}, {ForeignIDs, (*corruption).foreignIDs},
		{ForeignFields, (*corruption).foreignFields}, {UnknownIDs, (*corruption).unknownIDs},
		{GarbageIDs, (*corruption).garbageIDs}, {WrongScores, (*corruption).wrongScores},
		{NotFinite, (*corruption).notFinite}, {Duplicates, (*corruption).duplicates}, {Flood, (*corruption).flood},
	} {
		if malice&way.malice != 0 {
			way.do(&c)
		}
	}
	return c.matches
}

// foreign are up to top_k records of each other namespace, the nearest to the query first.
func (x *index) foreign(own string, r queryRequest) []match {
	var found []match
	for _, n := range x.visibleNamespaces("") {
		if n.name != own {
			others, _ := n.search(foreignQuery{r}, everything{})
			found = append(found, others...)
		}
	}
	return found
}

// foreignQuery asks another namespace for whole records; a query by id asks for what has that id there.
type foreignQuery struct{ queryRequest }

func (foreignQuery) GetIncludeMetadata() bool { return true }

// corruption is one answer being falsified.
type corruption struct {
	foreign []match
	random  *rand.Rand
	matches []match
}

func (c *corruption) foreignRecords() {
	front := append([]match{}, c.foreign...)
	for i := range front {
		front[i].score = 1
	}
	c.matches = append(front, c.matches...)
}

func (c *corruption) foreignIDs() {
	for i := 0; i < len(c.matches) && len(c.foreign) > 0; i += 2 {
		c.matches[i].id = c.foreign[c.random.IntN(len(c.foreign))].id
	}
}

func (c *corruption) foreignFields() {
	for i := 0; i < len(c.matches) && len(c.foreign) > 0; i += 2 {
		c.matches[i].metadata = c.foreign[c.random.IntN(len(c.foreign))].metadata
	}
}

func (c *corruption) unknownIDs() {
	for _, m := range append([]match{}, c.matches...) {
		m.id = c.scramble(m.id)
		c.matches = append(c.matches, m)
	}
}

// scramble replaces the letters and digits of an id and keeps its shape.
func (c *corruption) scramble(id string) string {
	const hex = "0123456789abcdef"
	return strings.Map(func(r rune) rune {
		if strings.ContainsRune(hex, r) {
			return rune(hex[c.random.IntN(len(hex))])
		}
		return r
	}, id)
}

func (c *corruption) garbageIDs() {
	for i, id := range []string{
		"", " ", "\x00", "\r\n\x1b[31m", "../../etc/passwd", "'; DROP TABLE chunks; --", "<script>alert(1)</script>", "%s%n%d",
		"-1", "9223372036854775808", "NaN", "null", "\u202e\u0000\ufeff", strings.Repeat("a", 1<<12),
		"00000000-0000-0000-0000-000000000000", "/", "#", "::",
	} {
		c.matches = append(c.matches, match{id: id, score: 1 - float32(i)/100, metadata: garbageFields(i)})
	}
}

// garbageFields are metadata that no client ever stored, such as nested objects and nulls.
func garbageFields(i int) *structpb.Struct {
	switch i % 3 {
	case 0:
		return nil
	case 1:
		return &structpb.Struct{Fields: map[string]*structpb.Value{"": structpb.NewNullValue()}}
	}
	nested := &structpb.Struct{Fields: map[string]*structpb.Value{"a": structpb.NewNumberValue(math.MaxFloat64)}}
	return &structpb.Struct{Fields: map[string]*structpb.Value{"collection": structpb.NewStructValue(nested)}}
}

func (c *corruption) wrongScores() {
	for i := range c.matches {
		c.matches[i].score = (c.random.Float32() - 0.5) * 1e6
	}
}

func (c *corruption) notFinite() {
	for i := range c.matches {
		c.matches[i].score = [...]float32{float32(math.NaN()), float32(math.Inf(1)), float32(math.Inf(-1))}[i%3]
	}
}

func (c *corruption) duplicates() {
	once := c.matches
	for range 2 {
		c.matches = append(c.matches, once...)
	}
}

func (c *corruption) flood() {
	once := len(c.matches)
	for i := once; i < floodMatches; i++ {
		m := match{id: fmt.Sprintf("flood-%d", i), score: 1}
		if once > 0 {
			m = c.matches[i%once]
		}
		c.matches = append(c.matches, m)
	}
	c.matches = c.matches[:floodMatches]
}
