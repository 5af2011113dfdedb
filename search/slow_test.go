package search

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"
	"time"

	"lindero/tenant/tenanttest"
)

func TestSlowSearchesAreLoggedWithoutTheirWords(t *testing.T) {
	t.Parallel()
	id := tenanttest.New(t)
	for _, c := range []struct {
		name         string
		threshold    time.Duration
		words        bool
		logged, text bool
	}{{"off", 0, false, false, false}, {"fast enough", time.Hour, true, false, false}, {"slow", time.Nanosecond, false, true, false}, {"with words", time.Nanosecond, true, true, true}} {
		var log bytes.Buffer
		s, err := New(Config{Log: slog.New(slog.NewJSONHandler(&log, nil)), SlowSearch: c.threshold, SlowSearchText: c.words})
		if err != nil {
			t.Fatal(err)
		}
		index := newHostile()
		index.collection.Name = "default"
		request := Request{Query: "kumquat", Vector: []float32{1, 0}, Explain: true}
		response, err := s.Search(t.Context(), index, id, request)
		if err != nil {
			t.Fatal(err)
		}
		got := log.String()
		if logged := strings.Contains(got, "slow search"); logged != c.logged {
			t.Errorf("%s: logged %v: %s", c.name, logged, got)
		}
		if c.logged && (!strings.Contains(got, id.String()) || !strings.Contains(got, "retrieve_ms") || !strings.Contains(got, index.collection.ID.String())) {
			t.Errorf("%s: tenant, collection or explanation are missing: %s", c.name, got)
		}
		if text := strings.Contains(got, "kumquat"); text != c.text {
			t.Errorf("%s: words in the log: %v: %s", c.name, text, got)
		}
		for _, leg := range response.Explain.Legs { // the log must not have taken the caller's own explanation apart
			if leg.Collection != "default" || (leg.Kind == Lexical && len(leg.Terms) == 0) {
				t.Errorf("%s: the answer's explanation is %+v", c.name, leg)
			}
		}
	}
}
