package pineconeemu

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/pinecone-io/go-pinecone/v5/pinecone"
	"google.golang.org/grpc/codes"

	"lindero/fault"
)

func TestIndexLifecycle(t *testing.T) {
	t.Parallel()
	e := start(t, Config{})
	client := connect(t, e)
	created := createIndex(t, client, "life", 3)
	described, err := client.DescribeIndex(t.Context(), "life")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(created, described); diff != "" {
		t.Errorf("described otherwise than created:\n%s", diff)
	}
	if described.Metric != pinecone.Cosine || *described.Dimension != 3 || !described.Status.Ready || described.Spec.Serverless.Region != "us-east-1" {
		t.Errorf("described as %+v", described)
	}
	configured, err := client.ConfigureIndex(t.Context(), "life", pinecone.ConfigureIndexParams{
		DeletionProtection: pinecone.DeletionProtectionEnabled, Tags: pinecone.IndexTags{"team": "search"},
	})
	if err != nil || (*configured.Tags)["team"] != "search" {
		t.Fatalf("configured as %+v: %v", configured, err)
	}
	wantStatus(t, client.DeleteIndex(t.Context(), "life"), http.StatusForbidden)
	if _, err := client.ConfigureIndex(t.Context(), "life", pinecone.ConfigureIndexParams{DeletionProtection: pinecone.DeletionProtectionDisabled}); err != nil {
		t.Fatal(err)
	}
	if err := client.DeleteIndex(t.Context(), "life"); err != nil {
		t.Fatal(err)
	}
	list, err := client.ListIndexes(t.Context())
	if err != nil || len(list) != 0 {
		t.Errorf("left over: %v %v", list, err)
	}
	conn := open(t, client, created.Host, "own")
	_, err = conn.DescribeIndexStats(t.Context())
	wantCode(t, err, codes.Unavailable)
}

func wantStatus(t *testing.T, err error, want int) {
	t.Helper()
	var e *pinecone.PineconeError
	if !errors.As(err, &e) || e.Code != want {
		t.Errorf("error %v, want HTTP status %d", err, want)
	}
}

func TestControlPlaneErrors(t *testing.T) {
	t.Parallel()
	e := start(t, Config{})
	createIndex(t, connect(t, e), "taken", 3)
	spec := `"spec": {"serverless": {"cloud": "aws", "region": "us-east-1"}}`
	for _, c := range []struct {
		name, method, path, body, key string
		status                        int
		code                          string
	}{
		{"no key", "GET", "/indexes", "", "", 401, "UNAUTHENTICATED"},
		{"wrong key", "GET", "/indexes", "", "other", 401, "UNAUTHENTICATED"},
		{"absent", "GET", "/indexes/absent", "", testKey, 404, "NOT_FOUND"},
		{"absent to delete", "DELETE", "/indexes/absent", "", testKey, 404, "NOT_FOUND"},
		{"absent to configure", "PATCH", "/indexes/absent", "{}", testKey, 404, "NOT_FOUND"},
		{"unknown path", "GET", "/collections", "", testKey, 404, "NOT_FOUND"},
		{"taken", "POST", "/indexes", `{"name": "taken", "dimension": 3, ` + spec + `}`, testKey, 409, "ALREADY_EXISTS"},
		{"not JSON", "POST", "/indexes", `{`, testKey, 400, "INVALID_ARGUMENT"},
		{"capitals", "POST", "/indexes", `{"name": "New", "dimension": 3, ` + spec + `}`, testKey, 400, "INVALID_ARGUMENT"},
		{"path as name", "POST", "/indexes", `{"name": "../new", "dimension": 3, ` + spec + `}`, testKey, 400, "INVALID_ARGUMENT"},
		{"long name", "POST", "/indexes", `{"name": "` + strings.Repeat("n", 46) + `", "dimension": 3, ` + spec + `}`, testKey, 400, "INVALID_ARGUMENT"},
		{"no dimension", "POST", "/indexes", `{"name": "new", ` + spec + `}`, testKey, 400, "INVALID_ARGUMENT"},
		{"too many dimensions", "POST", "/indexes", `{"name": "new", "dimension": 20001, ` + spec + `}`, testKey, 400, "INVALID_ARGUMENT"},
		{"other metric", "POST", "/indexes", `{"name": "new", "dimension": 3, "metric": "euclidean", ` + spec + `}`, testKey, 400, "INVALID_ARGUMENT"},
		{"sparse", "POST", "/indexes", `{"name": "new", "dimension": 3, "vector_type": "sparse", ` + spec + `}`, testKey, 400, "INVALID_ARGUMENT"},
		{"pods", "POST", "/indexes", `{"name": "new", "dimension": 3, "spec": {"pod": {}}}`, testKey, 400, "INVALID_ARGUMENT"},
		{"unknown cloud", "POST", "/indexes", `{"name": "new", "dimension": 3, "spec": {"serverless": {"cloud": "x", "region": "y"}}}`, testKey, 400, "INVALID_ARGUMENT"},
		{"protection", "PATCH", "/indexes/taken", `{"deletion_protection": "maybe"}`, testKey, 400, "INVALID_ARGUMENT"},
		{"tags", "PATCH", "/indexes/taken", `{"tags": {"": "x"}}`, testKey, 400, "INVALID_ARGUMENT"},
	} {
		status, problem := request(t, c.method, e.ControlURL()+c.path, c.body, c.key)
		if status != c.status || problem.Status != c.status || problem.Error.Code != c.code || problem.Error.Message == "" {
			t.Errorf("%s: %d %+v, want %d %s", c.name, status, problem, c.status, c.code)
		}
	}
	if got := e.Indexes(); len(got) != 1 {
		t.Errorf("refused requests changed the indexes: %v", got)
	}
}

type problem struct {
	Error struct {
		Code    string
		Message string
	}
	Status int
}

func request(t *testing.T, method, url, body, key string) (int, problem) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Api-Key", key)
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	var p problem
	if err := json.Unmarshal(text, &p); err != nil {
		t.Errorf("%s %s: %q is not JSON: %v", method, url, text, err)
	}
	return response.StatusCode, p
}

func TestNewIndexIsInitializing(t *testing.T) {
	t.Parallel()
	e := start(t, Config{ReadyAfter: time.Hour})
	client := connect(t, e)
	index := createIndex(t, client, "slow", 3)
	if index.Status.Ready || index.Status.State != pinecone.Initializing {
		t.Errorf("status %+v", index.Status)
	}
	_, err := open(t, client, index.Host, "own").DescribeIndexStats(t.Context())
	wantCode(t, err, codes.Unavailable)
}

func TestDataPlaneChecksTheKey(t *testing.T) {
	t.Parallel()
	e := start(t, Config{})
	host := createIndex(t, connect(t, e), "keys", 3).Host
	stranger, err := pinecone.NewClient(pinecone.NewClientParams{ApiKey: "other", Host: e.ControlURL()})
	if err != nil {
		t.Fatal(err)
	}
	_, err = open(t, stranger, host, "own").DescribeIndexStats(t.Context())
	wantCode(t, err, codes.Unauthenticated)
}

func TestConfigIsChecked(t *testing.T) {
	t.Parallel()
	for name, cfg := range map[string]Config{
		"open to the network": {Listen: "0.0.0.0:0"},
		"no port":             {Listen: "127.0.0.1"},
		"a name":              {Listen: "example.com:80"},
		"negative delay":      {Visibility: Visibility{Delay: -1}},
		"not a directory":     {Dir: "/dev/null/x"},
	} {
		if e, err := Start(cfg); !fault.Is(err, fault.Invalid) {
			t.Errorf("%s: %v", name, err)
			if err == nil {
				_ = e.Close()
			}
		}
	}
}
