package client_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"sync/atomic"
	"testing"
	"time"

	"lindero/client"
)

// serve starts a server of one handler and returns a client of it whose waits are short.
func serve(t *testing.T, handler http.HandlerFunc) *client.Client {
	t.Helper()
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	c, err := client.New(client.Config{URL: server.URL, Key: "lk_test", Retries: 3, MaxWait: time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func refuse(w http.ResponseWriter, status int, code string) {
	w.Header().Set("Content-Type", "application/problem+json")
	w.Header().Set("Retry-After", "0")
	w.WriteHeader(status)
	_, _ = fmt.Fprintf(w, `{"status":%d,"code":%q,"detail":"no","request_id":"r1","errors":[{"location":"body.x","message":"bad"}]}`, status, code)
}

func TestRetriesOnlyWhatMayHelp(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name    string
		status  int
		call    func(context.Context, *client.Client) error
		wantTry int
	}{
		{"rate limited", 429, search, 4},
		{"unavailable", 503, search, 4},
		{"invalid", 422, search, 1},
		{"broken", 500, search, 1},
		{"creating a key while unavailable", 503, createKey, 4},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			var tries atomic.Int32
			c := serve(t, func(w http.ResponseWriter, _ *http.Request) { tries.Add(1); refuse(w, tt.status, "some_code") })
			err := tt.call(t.Context(), c)
			var refused *client.Error
			if !errors.As(err, &refused) || refused.Status != tt.status || refused.Code != "some_code" || len(refused.Fields) != 1 {
				t.Errorf("error %#v", err)
			}
			if got := int(tries.Load()); got != tt.wantTry {
				t.Errorf("%d tries, want %d", got, tt.wantTry)
			}
		})
	}
}

// TestPatienceOutlastsRetries has the server refuse more often than a call is tried without patience.
func TestPatienceOutlastsRetries(t *testing.T) {
	t.Parallel()
	var tries atomic.Int32
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if tries.Add(1) <= 20 {
			refuse(w, 429, "rate_limited")
			return
		}
		_, _ = io.WriteString(w, `{"results":[]}`)
	}))
	t.Cleanup(server.Close)
	c, err := client.New(client.Config{URL: server.URL, Retries: 3, MaxWait: time.Millisecond, Patience: time.Minute})
	if err != nil {
		t.Fatal(err)
	}
	if err := search(t.Context(), c); err != nil || tries.Load() != 21 {
		t.Errorf("%v after %d tries", err, tries.Load())
	}
}

func search(ctx context.Context, c *client.Client) error {
	_, err := c.Search(ctx, client.SearchRequest{Query: "router"})
	return err
}

func createKey(ctx context.Context, c *client.Client) error {
	_, err := c.CreateKey(ctx, client.KeySpec{Name: "k", Role: "reader"})
	return err
}

// A connection that breaks after the request was sent leaves open whether it was done: a search is sent again, a
// new key is not.
func TestBrokenConnection(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name    string
		call    func(context.Context, *client.Client) error
		wantTry int
		wantErr bool
	}{{"search", search, 2, false}, {"create key", createKey, 1, true}} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			var tries atomic.Int32
			c := serve(t, func(w http.ResponseWriter, _ *http.Request) {
				if tries.Add(1) == 1 {
					panic(http.ErrAbortHandler)
				}
				_, _ = io.WriteString(w, "{}")
			})
			err := tt.call(t.Context(), c)
			if got := int(tries.Load()); (err != nil) != tt.wantErr || got != tt.wantTry {
				t.Errorf("error %v after %d tries, want error %v after %d", err, got, tt.wantErr, tt.wantTry)
			}
		})
	}
}

// The body of a bulk load and its idempotency key are the same in each try.
func TestRetriedBulkIsTheSameRequest(t *testing.T) {
	t.Parallel()
	var bodies, keys []string
	c := serve(t, func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		bodies, keys = append(bodies, string(body)), append(keys, r.Header.Get("Idempotency-Key"))
		if len(bodies) == 1 {
			refuse(w, 503, "upstream_unavailable")
			return
		}
		_, _ = io.WriteString(w, `{"accepted":1,"operation":{"id":"o1"}}`)
	})
	bulk, err := c.PutDocuments(t.Context(), "default", []client.NewDocument{{ID: "a", Text: "x"}})
	if err != nil || bulk.Accepted != 1 || bulk.Operation.ID != "o1" {
		t.Fatalf("%+v, %v", bulk, err)
	}
	if len(bodies) != 2 || bodies[0] != bodies[1] || keys[0] != keys[1] || keys[0] == "" {
		t.Errorf("bodies %q, keys %q", bodies, keys)
	}
}

func TestIteratorFollowsCursors(t *testing.T) {
	t.Parallel()
	c := serve(t, func(w http.ResponseWriter, r *http.Request) {
		at, _ := strconv.Atoi(r.URL.Query().Get("cursor"))
		_ = json.NewEncoder(w).Encode(map[string]any{
			"data": []map[string]any{{"name": fmt.Sprint("c", at)}}, "has_more": at < 2, "next_cursor": strconv.Itoa(at + 1),
		})
	})
	collections, err := client.Collect(c.Collections(t.Context()))
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, each := range collections {
		names = append(names, each.Name)
	}
	if !slices.Equal(names, []string{"c0", "c1", "c2"}) {
		t.Errorf("names %v", names)
	}
}

// Ids may hold anything: what arrives is what was given.
func TestIDsAreEscaped(t *testing.T) {
	t.Parallel()
	const id = "a/b c+d%2Fé?#"
	c := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/v1/collections/default/documents/"+id {
			t.Errorf("path %q", r.URL.Path)
		}
		_, _ = io.WriteString(w, `{"id":"x"}`)
	})
	if _, err := c.Document(t.Context(), "default", id); err != nil {
		t.Error(err)
	}
}

func TestPutReadsBothForms(t *testing.T) {
	t.Parallel()
	for body, operation := range map[string]bool{
		`{"document":{"id":"a","version":2},"operation":{"id":"o"}}`: true,
		`{"id":"a","version":2,"unchanged":true}`:                    false,
	} {
		var put client.Put
		if err := json.Unmarshal([]byte(body), &put); err != nil {
			t.Fatal(err)
		}
		if put.Document.ID != "a" || put.Document.Version != 2 || (put.Operation != nil) != operation || put.Unchanged == operation {
			t.Errorf("%s: %+v", body, put)
		}
	}
}

func TestBadURL(t *testing.T) {
	t.Parallel()
	for _, url := range []string{"", "localhost:8080", "ftp://x", "http://"} {
		if _, err := client.New(client.Config{URL: url}); err == nil {
			t.Errorf("%q was accepted", url)
		}
	}
}

// TestDocumentsTurnedAwayAreSentAgain has a server with room for two documents a request.
func TestDocumentsTurnedAwayAreSentAgain(t *testing.T) {
	t.Parallel()
	var got []string
	requests := 0
	c := serve(t, func(w http.ResponseWriter, r *http.Request) {
		requests++
		decoder := json.NewDecoder(r.Body)
		answer := client.Bulk{Operation: client.Operation{ID: fmt.Sprint("operation ", requests)}, Rejected: []client.Rejection{}}
		for index := 0; decoder.More(); index++ {
			var document client.NewDocument
			if err := decoder.Decode(&document); err != nil {
				t.Error(err)
			}
			switch {
			case document.ID == "bad":
				answer.Rejected = append(answer.Rejected, client.Rejection{Index: index, ID: "bad", Code: "invalid_request"})
			case answer.Accepted == 2:
				answer.Rejected = append(answer.Rejected, client.Rejection{Index: index, ID: document.ID, Code: "rate_limited"})
			default:
				answer.Accepted++
				got = append(got, document.ID)
			}
		}
		w.WriteHeader(http.StatusAccepted)
		_ = json.NewEncoder(w).Encode(answer)
	})
	var documents []client.NewDocument
	want := []string{"0", "1", "2", "3", "5", "6"}
	for _, id := range []string{"0", "1", "2", "3", "bad", "5", "6"} {
		documents = append(documents, client.NewDocument{ID: id, Text: "x"})
	}
	bulk, err := c.PutDocuments(t.Context(), "default", documents)
	if err != nil || !slices.Equal(got, want) || bulk.Accepted != 6 {
		t.Errorf("%v %+v %v", got, bulk, err)
	}
	if len(bulk.Rejected) != 1 || bulk.Rejected[0].Index != 4 || bulk.Operation.ID != "operation 3" || len(bulk.Earlier) != 2 {
		t.Errorf("%+v", bulk)
	}
}
