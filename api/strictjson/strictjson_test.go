package strictjson_test

import (
	"encoding/json"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"lindero/api/strictjson"
	"lindero/fault"
)

type inner struct {
	Name string          `json:"name"`
	Raw  json.RawMessage `json:"raw"`
}

type outer struct {
	Text   string         `json:"text"`
	Number int            `json:"number"`
	Small  int8           `json:"small"`
	Score  float64        `json:"score"`
	Flag   *bool          `json:"flag"`
	Vector []float32      `json:"vector"`
	List   []inner        `json:"list"`
	When   *time.Time     `json:"when"`
	Counts map[string]int `json:"counts"`
	hidden int
}

func TestRefused(t *testing.T) {
	t.Parallel()
	deep := strings.Repeat("[", 65) + strings.Repeat("]", 65)
	for _, c := range []struct {
		name, body string
		code       fault.Code
		location   string // of the first wrong part, for Invalid
	}{
		{"empty", ``, fault.Malformed, ""},
		{"white space", "  \n", fault.Malformed, ""},
		{"cut off", `{"text":"a`, fault.Malformed, ""},
		{"cut off after a colon", `{"text":`, fault.Malformed, ""},
		{"trailing", `{} {}`, fault.Malformed, ""},
		{"comma at the end", `{"text":"a",}`, fault.Malformed, ""},
		{"single quotes", `{'text':'a'}`, fault.Malformed, ""},
		{"comment", `{/* */}`, fault.Malformed, ""},
		{"control character", "{\"text\":\"a\nb\"}", fault.Malformed, ""},
		{"invalid UTF-8", "{\"text\":\"\xff\"}", fault.Malformed, ""},
		{"NUL", `{"text":"a\u0000"}`, fault.Malformed, ""},
		{"half a surrogate", `{"text":"\ud800"}`, fault.Malformed, ""},
		{"surrogates swapped", `{"text":"\udc00\ud800"}`, fault.Malformed, ""},
		{"bad escape", `{"text":"\x41"}`, fault.Malformed, ""},
		{"short escape", `{"text":"\u12"}`, fault.Malformed, ""},
		{"leading zero", `{"number":01}`, fault.Malformed, ""},
		{"plus", `{"number":+1}`, fault.Malformed, ""},
		{"bare point", `{"score":1.}`, fault.Malformed, ""},
		{"NaN", `{"score":NaN}`, fault.Malformed, ""},
		{"NaN in a vector", `{"vector":[NaN]}`, fault.Malformed, ""},
		{"too deep", `{"list":[{"raw":` + deep + `}]}`, fault.Malformed, ""},
		{"unknown", `{"txt":"a"}`, fault.Invalid, "body.txt"},
		{"other case", `{"Text":"a"}`, fault.Invalid, "body.Text"},
		{"unexported", `{"hidden":1}`, fault.Invalid, "body.hidden"},
		{"unknown deeper", `{"list":[{},{"nam":1}]}`, fault.Invalid, "body.list[1].nam"},
		{"twice", `{"text":"a","text":"b"}`, fault.Invalid, "body.text"},
		{"not an object", `[]`, fault.Invalid, "body"},
		{"a string for a number", `{"number":"1"}`, fault.Invalid, "body.number"},
		{"a fraction", `{"number":1.5}`, fault.Invalid, "body.number"},
		{"overflow", `{"small":128}`, fault.Invalid, "body.small"},
		{"huge", `{"score":1e999}`, fault.Invalid, "body.score"},
		{"a string in a vector", `{"vector":[1,"2"]}`, fault.Invalid, "body.vector[1]"},
		{"null in a vector", `{"vector":[1,null]}`, fault.Invalid, "body.vector[1]"},
		{"overflow in a vector", `{"vector":[1e39]}`, fault.Invalid, "body.vector[0]"},
		{"not a time", `{"when":"yesterday"}`, fault.Invalid, "body.when"},
		{"not a map", `{"counts":[1]}`, fault.Invalid, "body.counts"},
		{"wrong in a map", `{"counts":{"a":"x"}}`, fault.Invalid, "body.counts.a"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			var got outer
			err := strictjson.Decode("body", []byte(c.body), &got)
			if fault.CodeOf(err) != c.code {
				t.Fatalf("code %q, want %q: %v", fault.CodeOf(err), c.code, err)
			}
			if c.location != "" && err.(*fault.Error).Fields[0].Location != c.location {
				t.Errorf("location %q, want %q", err.(*fault.Error).Fields[0].Location, c.location)
			}
		})
	}
}

func TestAllWrongPartsAreListed(t *testing.T) {
	t.Parallel()
	var got outer
	err := strictjson.Decode("line", []byte(`{"a":1,"text":2,"list":[{"b":[{}]}],"flag":"x"}`), &got).(*fault.Error)
	var locations []string
	for _, f := range err.Fields {
		locations = append(locations, f.Location)
	}
	if diff := cmp.Diff([]string{"line.a", "line.text", "line.list[0].b", "line.flag"}, locations); diff != "" {
		t.Error(diff)
	}
	if _, err := json.Marshal(err.Fields); err != nil {
		t.Errorf("the fields cannot be sent: %v", err)
	}
}

// Whatever encoding/json writes, Decode reads back to the same value.
func TestAgreesWithEncodingJSON(t *testing.T) {
	t.Parallel()
	texts := rapid.StringMatching(`[^\x00]*`)
	rapid.Check(t, func(t *rapid.T) {
		flag := rapid.Bool().Draw(t, "flag")
		want := outer{
			Text:   texts.Draw(t, "text"),
			Number: rapid.Int().Draw(t, "number"),
			Score:  rapid.Float64().Draw(t, "score"),
			Flag:   &flag,
			Vector: rapid.SliceOfN(rapid.Float32(), 1, 20).Draw(t, "vector"),
			List:   []inner{{Name: texts.Draw(t, "name"), Raw: json.RawMessage(`{"a":[1,"x",null,true]}`)}},
			Counts: rapid.MapOfN(texts, rapid.Int(), 1, 5).Draw(t, "counts"),
		}
		data, err := json.Marshal(want)
		if err != nil {
			t.Skip("not JSON")
		}
		if err := json.Unmarshal(data, &want); err != nil { // rapid's strings may hold invalid UTF-8, which marshalling replaces
			t.Fatal(err)
		}
		var got outer
		if err := strictjson.Decode("body", data, &got); err != nil {
			t.Fatalf("%v\n%s", err, data)
		}
		if diff := cmp.Diff(want, got, cmp.AllowUnexported(outer{})); diff != "" {
			t.Error(diff)
		}
	})
}

// Decode takes no text that encoding/json calls invalid, whatever the bytes.
func FuzzNoMoreThanJSON(f *testing.F) {
	for _, seed := range []string{`{"text":"a\u00e9\ud83d\ude00"}`, `{"vector":[1,-2.5e3]}`, `[{}]`, `1e5`, `{"raw":{"a":[]}}`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		var raw json.RawMessage
		err := strictjson.Decode("body", data, &raw)
		if err == nil && !json.Valid(data) {
			t.Errorf("%q was taken and is not JSON", data)
		}
		var typed outer
		_ = strictjson.Decode("body", data, &typed)
	})
}

func vectorBody(b *testing.B) []byte {
	random := rand.New(rand.NewPCG(1, 2))
	vector := make([]float32, 768)
	for i := range vector {
		vector[i] = random.Float32() - .5
	}
	data, err := json.Marshal(outer{Text: "a query of some words", Vector: vector})
	if err != nil {
		b.Fatal(err)
	}
	return data
}

func BenchmarkVector768(b *testing.B) {
	data := vectorBody(b)
	b.SetBytes(int64(len(data)))
	b.ReportAllocs()
	for b.Loop() {
		var got outer
		if err := strictjson.Decode("body", data, &got); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkVector768EncodingJSON(b *testing.B) {
	data := vectorBody(b)
	b.SetBytes(int64(len(data)))
	b.ReportAllocs()
	for b.Loop() {
		var got outer
		if err := json.Unmarshal(data, &got); err != nil {
			b.Fatal(err)
		}
	}
}
