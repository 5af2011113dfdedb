package openai

import (
	"context"
	"errors"
	"math"
	"net/http"
	"strings"
	"testing"
	"time"

	"lindero/embed"
	"lindero/fault"
)

func requireVectors(t *testing.T, got [][]float32, texts []string) {
	t.Helper()
	if len(got) != len(texts) {
		t.Fatalf("%d vectors for %d texts", len(got), len(texts))
	}
	for i, text := range texts {
		x, y := 3.0, 4*float64(len(text))
		norm := math.Hypot(x, y)
		if math.Abs(float64(got[i][0])-x/norm) > 1e-6 || math.Abs(float64(got[i][1])-y/norm) > 1e-6 {
			t.Errorf("vector %d of %q is %v", i, text, got[i])
		}
	}
}

func TestEmbed(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	e := newClient(t, s, func(c *Config) { c.BatchInputs = 2; c.SendDimensions = true })
	texts := []string{"a", "bb", "ccc"}
	got, usage, err := e.Embed(context.Background(), texts, embed.Passage)
	if err != nil {
		t.Fatal(err)
	}
	requireVectors(t, got, texts)
	if usage != (embed.Usage{Tokens: 21}) {
		t.Errorf("usage %+v", usage)
	}
	seen := s.seen()
	if len(seen) != 2 || len(seen[0].Input) != 2 || seen[0].Model != "m" || seen[0].Dimensions != 3 || seen[0].bearer != secret {
		t.Errorf("requests %+v", seen)
	}
	if p := e.Profile(); p != (embed.Profile{Provider: "openai", Model: "m", Dimensions: 3}) {
		t.Errorf("profile %+v", p)
	}
}

func TestNothingToEmbedCostsNothing(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	got, _, err := newClient(t, s).Embed(context.Background(), nil, embed.Passage)
	if err != nil || len(got) != 0 || len(s.seen()) != 0 {
		t.Errorf("got %v, %v after %d requests", got, err, len(s.seen()))
	}
}

func TestTextsAreMadeFit(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	e := newClient(t, s, func(c *Config) { c.MaxInputTokens = 5 })
	long := strings.Repeat("palabra ", 100)
	_, usage, err := e.Embed(context.Background(), []string{"", " \n", "a\xff", long}, embed.Passage)
	if err != nil {
		t.Fatal(err)
	}
	sent := s.seen()[0]
	if sent.Input[0] != blank || sent.Input[1] != blank || sent.Input[2] != "a\uFFFD" || sent.Dimensions != 0 {
		t.Errorf("sent %+v", sent)
	}
	if cut := sent.Input[3]; !strings.HasPrefix(long, cut) || len(cut) > 40 || cut == "" || usage.Truncated != 1 {
		t.Errorf("sent %q, usage %+v", cut, usage)
	}
}

func TestShuffledAnswerIsPutInOrder(t *testing.T) {
	t.Parallel()
	texts := []string{"a", "bb", "ccc"}
	s := newServer(t, func(w http.ResponseWriter, _ *http.Request) {
		list := vectors(texts)
		list[0], list[2] = list[2], list[0]
		respond(w, list)
	})
	got, _, err := newClient(t, s).Embed(context.Background(), texts, embed.Query)
	if err != nil {
		t.Fatal(err)
	}
	requireVectors(t, got, texts)
}

// patienceFor is short for the server that hangs, but long enough for it to hear of each request. No other is to be taken
// for it because the machine is slow.
func patienceFor(server string) func(*Config) {
	return func(c *Config) {
		if c.Timeout = time.Minute; server == "slow" {
			c.Timeout = 3 * time.Second
		}
	}
}

// TestFaultsThatPass are answered by a second attempt.
func TestFaultsThatPass(t *testing.T) {
	t.Parallel()
	for name, step := range map[string]http.HandlerFunc{
		"429":     answers(429, `{"error":{"message":"slow down","type":"requests"}}`, "Retry-After: 0"),
		"500":     answers(500, "oops"),
		"503":     answers(503, ""),
		"dropped": drops,
		"slow":    hangs,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newServer(t, step)
			texts := []string{"a", "bb"}
			got, _, err := newClient(t, s, patienceFor(name)).Embed(context.Background(), texts, embed.Passage)
			if err != nil {
				t.Fatal(err)
			}
			requireVectors(t, got, texts)
			if n := len(s.seen()); n != 2 {
				t.Errorf("%d attempts", n)
			}
		})
	}
}

func TestRetryAfterIsWaitedFor(t *testing.T) {
	t.Parallel()
	s := newServer(t, answers(429, "{}", "Retry-After: 1"))
	start := time.Now()
	if _, _, err := newClient(t, s).Embed(context.Background(), []string{"a"}, embed.Passage); err != nil {
		t.Fatal(err)
	}
	if waited := time.Since(start); waited < time.Second {
		t.Errorf("tried again after %v", waited)
	}
}

func TestLongRetryAfterIsLeftToTheCaller(t *testing.T) {
	t.Parallel()
	s := newServer(t, answers(429, "{}", "Retry-After: 120"))
	_, _, err := newClient(t, s).Embed(context.Background(), []string{"a"}, embed.Passage)
	var f *fault.Error
	if !errors.As(err, &f) || f.Code != fault.Unavailable || f.RetryAfter != 2*time.Minute || len(s.seen()) != 1 {
		t.Errorf("error %v after %d attempts", err, len(s.seen()))
	}
}

// TestFaultsThatStay become typed faults that repeat neither the server's words nor the key.
func TestFaultsThatStay(t *testing.T) {
	t.Parallel()
	good := func(change func([]vector) []vector) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) { respond(w, change(vectors([]string{"a", "bb"}))) }
	}
	raw := func(embedding string) http.HandlerFunc {
		return answers(200, `{"data":[{"index":0,"embedding":[1,2,3]},{"index":1,"embedding":`+embedding+`}]}`)
	}
	echo := `{"error":{"message":"private text; Incorrect API key: ` + secret + `","type":"invalid_request_error"}}`
	for name, c := range map[string]struct {
		step     http.HandlerFunc
		code     fault.Code
		attempts int
	}{
		"429":             {answers(429, echo), fault.Unavailable, 2},
		"500":             {answers(500, "private text"), fault.Unavailable, 2},
		"400":             {answers(400, echo), fault.Upstream, 1},
		"401":             {answers(401, echo), fault.Upstream, 1},
		"404":             {answers(404, "<html>private text"), fault.Upstream, 1},
		"too few":         {good(func(v []vector) []vector { return v[:1] }), fault.Upstream, 1},
		"too many":        {good(func(v []vector) []vector { return append(v, v[0]) }), fault.Upstream, 1},
		"index twice":     {good(func(v []vector) []vector { v[1].Index = 0; return v }), fault.Upstream, 1},
		"index too large": {good(func(v []vector) []vector { v[1].Index = 2; return v }), fault.Upstream, 1},
		"index negative":  {good(func(v []vector) []vector { v[1].Index = -1; return v }), fault.Upstream, 1},
		"dimension":       {raw("[1,2]"), fault.Upstream, 1},
		"null":            {raw("null"), fault.Upstream, 1},
		"null inside":     {raw("[1, null ,3]"), fault.Upstream, 1},
		"NaN":             {raw("[1,NaN,3]"), fault.Upstream, 1},
		"too large":       {raw("[1,1e39,3]"), fault.Upstream, 1},
		"zeros":           {raw("[0,0,0]"), fault.Upstream, 1},
		"no JSON":         {answers(200, "<html>private text"), fault.Upstream, 1},
		"truncated JSON":  {answers(200, `{"data":[{"index":0,"embedding":[1,`), fault.Upstream, 1},
		"empty":           {answers(200, ""), fault.Upstream, 1},
		"dropped":         {drops, fault.Unavailable, 2},
		"slow":            {hangs, fault.Unavailable, 2},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newServer(t, c.step, c.step)
			e := newClient(t, s, patienceFor(name))
			got, _, err := e.Embed(context.Background(), []string{"a", "bb"}, embed.Passage)
			if got != nil || !fault.Is(err, c.code) {
				t.Fatalf("got %v, %v; want %s", got, err, c.code)
			}
			if n := len(s.seen()); n != c.attempts {
				t.Errorf("%d attempts, want %d", n, c.attempts)
			}
			if text := err.Error(); strings.Contains(text, "private") || strings.Contains(text, secret) {
				t.Errorf("the error repeats what it must not: %s", text)
			}
		})
	}
}

func TestNobodyListens(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	s.Close()
	if _, _, err := newClient(t, s).Embed(context.Background(), []string{"a"}, embed.Passage); !fault.Is(err, fault.Unavailable) {
		t.Errorf("error %v", err)
	}
}

func TestCancellation(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(context.Background())
	s := newServer(t, func(_ http.ResponseWriter, r *http.Request) {
		cancel()
		<-r.Context().Done()
	})
	_, _, err := newClient(t, s).Embed(ctx, []string{"a"}, embed.Passage)
	if !errors.Is(err, context.Canceled) || len(s.seen()) != 1 {
		t.Errorf("error %v after %d attempts", err, len(s.seen()))
	}
}

func TestConfigurationIsChecked(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]Config{
		"no model":        {Dimensions: 3},
		"no dimensions":   {Model: "m"},
		"many dimensions": {Model: "m", Dimensions: embed.MaxDimensions + 1},
		"relative URL":    {Model: "m", Dimensions: 3, BaseURL: "localhost"},
		"other scheme":    {Model: "m", Dimensions: 3, BaseURL: "file:///etc"},
		"negative bound":  {Model: "m", Dimensions: 3, BatchInputs: -1},
	} {
		if _, err := New(c); !fault.Is(err, fault.Invalid) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestBatches(t *testing.T) {
	t.Parallel()
	inputs := []input{{tokens: 5}, {tokens: 6}, {tokens: 20}, {tokens: 1}, {tokens: 1}, {tokens: 1}}
	var sizes []int
	for _, run := range batches(inputs, 2, 10) {
		sizes = append(sizes, len(run))
	}
	want := []int{1, 1, 1, 2, 1}
	if len(sizes) != len(want) {
		t.Fatalf("sizes %v, want %v", sizes, want)
	}
	for i := range want {
		if sizes[i] != want[i] {
			t.Fatalf("sizes %v, want %v", sizes, want)
		}
	}
}
