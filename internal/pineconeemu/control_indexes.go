package pineconeemu

import (
	"encoding/json"
	"errors"
	"maps"
	"net/http"
	"regexp"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// indexModel is an index as the control plane describes it.
type indexModel struct {
	Name               string            `json:"name"`
	VectorType         string            `json:"vector_type"`
	Metric             string            `json:"metric"`
	Dimension          int               `json:"dimension"`
	Status             indexStatus       `json:"status"`
	Host               string            `json:"host"`
	Spec               map[string]any    `json:"spec"`
	DeletionProtection string            `json:"deletion_protection"`
	Tags               map[string]string `json:"tags"`
}

type indexStatus struct {
	Ready bool   `json:"ready"`
	State string `json:"state"`
}

func (x *index) model() indexModel {
	d := x.describe()
	state := indexStatus{Ready: true, State: "Ready"}
	if !x.isReady() {
		state = indexStatus{Ready: false, State: "Initializing"}
	}
	return indexModel{
		Name: d.Name, VectorType: "dense", Metric: "cosine", Dimension: d.Dimension, Status: state, Host: x.host(),
		Spec: map[string]any{"serverless": map[string]any{
			"cloud": d.Cloud, "region": d.Region,
			"read_capacity": map[string]any{"mode": "OnDemand", "status": map[string]any{"state": "Ready"}},
		}},
		DeletionProtection: d.DeletionProtection, Tags: d.Tags,
	}
}

func (e *Emulator) listIndexes(*http.Request) (any, error) {
	models := []indexModel{}
	for _, x := range e.allIndexes() {
		models = append(models, x.model())
	}
	return map[string]any{"indexes": models}, nil
}

func (e *Emulator) describeIndex(r *http.Request) (any, error) {
	x, err := e.find(r.PathValue("name"))
	if err != nil {
		return nil, err
	}
	return x.model(), nil
}

func (e *Emulator) find(name string) (*index, error) {
	x, ok := e.index(name)
	if !ok {
		return nil, status.Errorf(codes.NotFound, "Resource %s not found", cut(name))
	}
	return x, nil
}

type createRequest struct {
	Name               string            `json:"name"`
	Dimension          *int              `json:"dimension"`
	Metric             *string           `json:"metric"`
	VectorType         *string           `json:"vector_type"`
	DeletionProtection *string           `json:"deletion_protection"`
	Tags               map[string]string `json:"tags"`
	Spec               struct {
		Serverless *struct {
			Cloud            string          `json:"cloud"`
			Region           string          `json:"region"`
			SourceCollection *string         `json:"source_collection"`
			Schema           json.RawMessage `json:"schema"`
			ReadCapacity     json.RawMessage `json:"read_capacity"`
		} `json:"serverless"`
		Pod  json.RawMessage `json:"pod"`
		BYOC json.RawMessage `json:"byoc"`
	} `json:"spec"`
}

var indexName = regexp.MustCompile(`^[a-z0-9]([a-z0-9-]{0,43}[a-z0-9])?$`)

func (e *Emulator) createIndex(r *http.Request) (any, error) {
	var request createRequest
	if err := decode(r, &request); err != nil {
		return nil, err
	}
	d, err := request.definition()
	if err != nil {
		return nil, err
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.closed {
		return nil, status.Error(codes.Unavailable, "The emulator is stopping")
	}
	if e.indexes[d.Name] != nil {
		return nil, status.Error(codes.AlreadyExists, "Resource already exists")
	}
	x, err := e.newServingIndex(d)
	if err != nil {
		return nil, status.Errorf(codes.Internal, "%v", err)
	}
	x.ready = time.Now().Add(e.cfg.ReadyAfter)
	e.indexes[d.Name] = x
	return x.model(), nil
}

// newServingIndex makes an empty index, whatever a deletion that was interrupted left under its name.
func (e *Emulator) newServingIndex(d definition) (*index, error) {
	x := newIndex(e, d)
	for _, step := range []func() error{
		func() error { return e.removeDir(d.Name) }, x.open, x.serve,
	} {
		if err := step(); err != nil {
			return nil, errors.Join(err, x.close(), e.removeDir(d.Name))
		}
	}
	return x, nil
}

// definition checks a request as the service does, and refuses what the emulator does not have.
func (r createRequest) definition() (definition, error) {
	d := definition{Name: r.Name, DeletionProtection: "disabled", Tags: r.Tags}
	switch s := r.Spec.Serverless; {
	case !indexName.MatchString(r.Name):
		return d, invalid("Name must be 1-45 characters long, start and end with an alphanumeric character, and consist only of lower case alphanumeric characters or '-'")
	case s == nil:
		return d, invalid("The emulator has serverless indexes only")
	case s.Cloud != "aws" && s.Cloud != "gcp" && s.Cloud != "azure":
		return d, invalid("Invalid cloud '%s': must be one of aws, gcp and azure", cut(s.Cloud))
	case s.Region == "":
		return d, invalid("A serverless index needs a region")
	case s.SourceCollection != nil || s.Schema != nil || s.ReadCapacity != nil:
		return d, invalid("The emulator has neither collections nor metadata schemas nor dedicated read capacity")
	case r.VectorType != nil && *r.VectorType != "dense":
		return d, invalid("The emulator has dense indexes only")
	case r.Metric != nil && *r.Metric != "cosine":
		return d, invalid("The emulator has the cosine metric only")
	case r.Dimension == nil || *r.Dimension < 1 || *r.Dimension > maxDimension:
		return d, invalid("Dimension must be between 1 and %d", maxDimension)
	default:
		d.Dimension, d.Cloud, d.Region = *r.Dimension, s.Cloud, s.Region
	}
	if err := d.protect(r.DeletionProtection); err != nil {
		return d, err
	}
	return d, checkTags(r.Tags)
}

func (d *definition) protect(wanted *string) error {
	if wanted == nil {
		return nil
	}
	if *wanted != "enabled" && *wanted != "disabled" {
		return invalid("deletion_protection must be enabled or disabled")
	}
	d.DeletionProtection = *wanted
	return nil
}

func checkTags(tags map[string]string) error {
	for key, value := range tags {
		if key == "" || len(key) > 80 || len(value) > 120 {
			return invalid("Tags have keys of 1 to 80 characters and values of at most 120")
		}
	}
	return nil
}

func (e *Emulator) configureIndex(r *http.Request) (any, error) {
	x, err := e.find(r.PathValue("name"))
	if err != nil {
		return nil, err
	}
	var request struct {
		DeletionProtection *string           `json:"deletion_protection"`
		Tags               map[string]string `json:"tags"`
	}
	if err := decode(r, &request); err != nil {
		return nil, err
	}
	if err := checkTags(request.Tags); err != nil {
		return nil, err
	}
	if err := x.configure(request.DeletionProtection, request.Tags); err != nil {
		return nil, err
	}
	return x.model(), nil
}

// configure changes what may change of an index; a tag with an empty value is removed.
func (x *index) configure(protection *string, tags map[string]string) error {
	x.mu.Lock()
	defer x.mu.Unlock()
	d := x.definition
	if err := d.protect(protection); err != nil {
		return err
	}
	d.Tags = map[string]string{}
	maps.Copy(d.Tags, x.definition.Tags)
	maps.Copy(d.Tags, tags)
	maps.DeleteFunc(d.Tags, func(_, value string) bool { return value == "" })
	if err := x.emulator.saveDefinition(d); err != nil {
		return status.Errorf(codes.Internal, "%v", err)
	}
	x.definition.DeletionProtection, x.definition.Tags = d.DeletionProtection, d.Tags
	return nil
}

func (e *Emulator) deleteIndex(r *http.Request) (any, error) {
	name := r.PathValue("name")
	x, err := e.find(name)
	if err != nil {
		return nil, err
	}
	if x.describe().DeletionProtection == "enabled" {
		return nil, status.Errorf(codes.PermissionDenied, "Deletion protection is enabled for this index. Disable deletion protection before retrying.")
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.indexes[name] != x {
		return nil, status.Errorf(codes.NotFound, "Resource %s not found", cut(name))
	}
	if err := e.removeDir(name); err != nil {
		return nil, status.Errorf(codes.Internal, "%v", err)
	}
	delete(e.indexes, name)
	if err := x.close(); err != nil {
		e.cfg.Log.Error("Pinecone emulator: deleting an index", "index", name, "error", err)
	}
	return nil, nil
}

func decode(r *http.Request, into any) error {
	if err := json.NewDecoder(r.Body).Decode(into); err != nil {
		return invalid("The request body is not valid JSON: %v", err)
	}
	return nil
}
