package filter

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"time"

	"lindero/fault"
)

// Bounds of one filter. They keep a hostile one from costing more than a query is worth.
const (
	maxDepth  = 16
	maxNodes  = 1000 // conditions and values together, lists of $in aside
	maxValues = 10_000
	maxField  = 512  // bytes
	maxText   = 8192 // bytes of one value
)

// Parse reads a filter. location says where in the request it stands, such as body.filter, and leads the location
// of every error, all of which are fault.Invalid. Nothing and {} give a nil Expr.
func Parse(location string, raw json.RawMessage) (Expr, error) {
	raw = bytes.TrimSpace(raw)
	if len(raw) == 0 || bytes.Equal(raw, []byte("null")) {
		return nil, nil
	}
	p := &parser{}
	parts, err := p.object(location, raw, 1)
	if err != nil || len(parts) == 0 {
		return nil, err
	}
	return flat(parts), nil
}

type parser struct{ nodes int }

// object reads {field: condition, $and: […], …}: all of its members must hold.
func (p *parser) object(location string, raw json.RawMessage, depth int) ([]Expr, error) {
	if depth > maxDepth {
		return nil, tooDeep(location)
	}
	members, err := p.members(location, raw)
	if err != nil {
		return nil, err
	}
	parts := make([]Expr, 0, len(members))
	for _, name := range slices.Sorted(maps.Keys(members)) { // in a fixed order, so that equal filters make equal SQL
		part, err := p.member(location+"."+name, name, members[name], depth)
		if err != nil {
			return nil, err
		}
		parts = append(parts, part)
	}
	return parts, nil
}

func tooDeep(location string) error {
	return fault.InvalidField(location, nil, "is nested more than %d levels deep", maxDepth)
}

func (p *parser) members(location string, raw json.RawMessage) (map[string]json.RawMessage, error) {
	var members map[string]json.RawMessage
	if err := json.Unmarshal(raw, &members); err != nil || members == nil {
		return nil, fault.InvalidField(location, nil, `must be an object such as {"field": "value"}`)
	}
	if p.nodes += len(members); p.nodes > maxNodes {
		return nil, fault.InvalidField(location, nil, "has more than %d conditions", maxNodes)
	}
	return members, nil
}

func (p *parser) member(location, name string, raw json.RawMessage, depth int) (Expr, error) {
	switch name {
	case "$and":
		parts, err := p.list(location, raw, depth)
		return And(parts), err
	case "$or":
		parts, err := p.list(location, raw, depth)
		return Or(parts), err
	case "$not":
		parts, err := p.object(location, raw, depth+1)
		return Not{flat(parts)}, err
	}
	field, err := fieldOf(location, name)
	if err != nil {
		return nil, err
	}
	return p.condition(location, field, raw, depth)
}

func (p *parser) list(location string, raw json.RawMessage, depth int) ([]Expr, error) {
	var items []json.RawMessage
	if err := json.Unmarshal(raw, &items); err != nil || len(items) == 0 {
		return nil, fault.InvalidField(location, nil, "must be a list of at least one filter")
	}
	parts := make([]Expr, len(items))
	for i, item := range items {
		members, err := p.object(fmt.Sprintf("%s[%d]", location, i), item, depth+1)
		if err != nil {
			return nil, err
		}
		parts[i] = flat(members)
	}
	return parts, nil
}

func fieldOf(location, name string) (Field, error) {
	field := Field(name)
	switch {
	case field.IsOwn():
		return field, nil
	case strings.HasPrefix(name, "$"):
		return "", fault.InvalidField(location, nil, "%q is neither an operator ($and, $or, $not) nor a field ($id, $title, $url, $created_at, $updated_at)", name)
	case name == "" || len(name) > maxField || strings.ContainsRune(name, 0):
		return "", fault.InvalidField(location, nil, "a field's name has 1 to %d bytes and no NUL", maxField)
	}
	return field, nil
}

// condition reads what follows a field: a value, or an object of operators, all of which must hold. $not takes such an
// object too, as in {year: {$not: {$gt: 2020}}}.
func (p *parser) condition(location string, field Field, raw json.RawMessage, depth int) (Expr, error) {
	if raw[0] != '{' {
		value, err := valueOf(location, field, raw)
		return Compare{field, Eq, value}, err
	}
	operators, err := p.members(location, raw)
	if err != nil {
		return nil, err
	}
	if len(operators) == 0 {
		return nil, fault.InvalidField(location, nil, "must have an operator such as $eq")
	}
	parts := make([]Expr, 0, len(operators))
	for _, name := range slices.Sorted(maps.Keys(operators)) {
		part, err := p.operator(location+"."+name, field, name, operators[name], depth)
		if err != nil {
			return nil, err
		}
		parts = append(parts, part)
	}
	return flat(parts), nil
}

func (p *parser) operator(location string, field Field, name string, raw json.RawMessage, depth int) (Expr, error) {
	switch name {
	case "$not":
		switch {
		case raw[0] != '{':
			return nil, fault.InvalidField(location, nil, "must be an object of operators such as {\"$gt\": 3}; use $ne for a value")
		case depth >= maxDepth:
			return nil, tooDeep(location)
		}
		part, err := p.condition(location, field, raw, depth+1)
		return Not{part}, err
	case "$eq", "$ne":
		value, err := valueOf(location, field, raw)
		return negated(name == "$ne", Compare{field, Eq, value}), err
	case "$gt", "$gte", "$lt", "$lte":
		value, err := valueOf(location, field, raw)
		if _, boolean := value.(bool); boolean {
			return nil, fault.InvalidField(location, value, "true and false have no order; use $eq")
		}
		return Compare{field, Op(name), value}, err
	case "$in", "$nin":
		values, err := valuesOf(location, field, raw)
		return negated(name == "$nin", In{field, values}), err
	case "$exists":
		var wanted *bool
		if err := json.Unmarshal(raw, &wanted); err != nil || wanted == nil {
			return nil, fault.InvalidField(location, nil, "must be true or false")
		}
		return negated(!*wanted, Exists{field}), nil
	}
	return nil, fault.InvalidField(location, nil, "%q is not an operator; there are $eq, $ne, $gt, $gte, $lt, $lte, $in, $nin, $exists and $not", name)
}

func valuesOf(location string, field Field, raw json.RawMessage) ([]Value, error) {
	var items []json.RawMessage
	if err := json.Unmarshal(raw, &items); err != nil || items == nil {
		return nil, fault.InvalidField(location, nil, "must be a list of values")
	}
	if len(items) > maxValues {
		return nil, fault.InvalidField(location, nil, "has more than %d values", maxValues)
	}
	values := make([]Value, len(items))
	for i, item := range items {
		var err error
		if values[i], err = valueOf(fmt.Sprintf("%s[%d]", location, i), field, item); err != nil {
			return nil, err
		}
	}
	return values, nil
}

// valueOf reads one value of a kind that the field can have.
func valueOf(location string, field Field, raw json.RawMessage) (Value, error) {
	value, err := scalar(raw)
	if err != nil {
		return nil, fault.InvalidField(location, nil, "%s", err)
	}
	if !field.IsOwn() {
		return value, nil
	}
	text, ok := value.(string)
	if !ok {
		return nil, fault.InvalidField(location, value, "must be a string: %s holds no other", field)
	}
	if !field.IsTime() {
		return text, nil
	}
	moment, err := time.Parse(time.RFC3339Nano, text)
	if err != nil || moment.Year() < 1 || moment.Year() > 9999 {
		return nil, fault.InvalidField(location, text, "must be a time such as 2026-01-31T12:00:00Z (RFC 3339)")
	}
	return moment, nil
}

func scalar(raw json.RawMessage) (Value, error) {
	var value any
	if err := json.Unmarshal(raw, &value); err != nil {
		return nil, errors.New("is not a value, or a number too large")
	}
	switch v := value.(type) {
	case string:
		if len(v) > maxText || strings.ContainsRune(v, 0) {
			return nil, fmt.Errorf("a string has at most %d bytes and no NUL", maxText)
		}
		return v, nil
	case float64:
		if math.IsInf(v, 0) {
			return nil, errors.New("is too large a number")
		}
		return v, nil
	case bool:
		return v, nil
	}
	return nil, errors.New("must be a string, a number, true or false")
}

func negated(not bool, e Expr) Expr {
	if not {
		return Not{e}
	}
	return e
}

func flat(parts []Expr) Expr {
	if len(parts) == 1 {
		return parts[0]
	}
	return And(parts)
}
