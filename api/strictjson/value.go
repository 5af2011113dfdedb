package strictjson

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"strconv"
	"strings"
	"sync"
	"time"
	"unsafe"

	"lindero/fault"
)

var (
	rawType         = reflect.TypeFor[json.RawMessage]()
	timeType        = reflect.TypeFor[time.Time]()
	unmarshalerType = reflect.TypeFor[json.Unmarshaler]()
)

// value decodes the next value into v.
func (d *decoder) value(v reflect.Value) error {
	c := d.peek()
	if c == 'n' { // null stands for absent
		if err := d.word(); err != nil {
			return err
		}
		v.SetZero()
		return nil
	}
	if v.Type() == rawType || v.Type() == timeType || reflect.PointerTo(v.Type()).Implements(unmarshalerType) {
		return d.own(v)
	}
	switch v.Kind() {
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		return d.value(v.Elem())
	case reflect.Struct:
		if c == '{' {
			return d.object(v)
		}
		return d.mismatch("an object")
	case reflect.Map:
		if c == '{' {
			return d.mapping(v)
		}
		return d.mismatch("an object")
	case reflect.Slice:
		if c == '[' {
			return d.array(v)
		}
		return d.mismatch("an array")
	case reflect.String:
		if c == '"' {
			quoted, err := d.text()
			if err == nil {
				v.SetString(unquote(quoted))
			}
			return err
		}
		return d.mismatch("a string")
	case reflect.Bool:
		if c == 't' || c == 'f' {
			v.SetBool(c == 't')
			return d.word()
		}
		return d.mismatch("true or false")
	default:
		return d.numeric(c, v)
	}
}

// mismatch passes over the value and notes that another kind was expected.
func (d *decoder) mismatch(expected string) error {
	start := d.pos
	if err := d.skip(); err != nil {
		return err
	}
	d.problem(d.data[start:d.pos], "must be %s", expected)
	return nil
}

// own hands the value's text to a type that decodes itself.
func (d *decoder) own(v reflect.Value) error {
	start := d.pos
	if err := d.skip(); err != nil {
		return err
	}
	raw := d.data[start:d.pos]
	switch v.Type() {
	case rawType:
		v.SetBytes(raw)
		return nil
	case timeType:
		if err := v.Addr().Interface().(*time.Time).UnmarshalJSON(raw); err != nil {
			d.problem(raw, "must be a time as in RFC 3339, such as 2026-01-31T00:00:00Z")
		}
		return nil
	}
	if err := v.Addr().Interface().(json.Unmarshaler).UnmarshalJSON(raw); err != nil {
		var known *fault.Error
		if errors.As(err, &known) {
			d.problem(raw, "%s", known.Detail)
		} else {
			d.problem(raw, "%s", err)
		}
	}
	return nil
}

func (d *decoder) object(v reflect.Value) error {
	known := fieldsOf(v.Type())
	seen := make([]bool, len(known.index))
	return d.members(func(quoted []byte) error {
		name := unquote(quoted)
		d.path = append(d.path, segment{name: name})
		defer func() { d.path = d.path[:len(d.path)-1] }()
		n, ok := known.number[name]
		if !ok {
			d.problem(nil, "unknown field%s", known.hint)
			return d.skip()
		}
		if seen[n] {
			d.problem(nil, "given twice")
		}
		seen[n] = true
		return d.value(v.FieldByIndex(known.index[n]))
	})
}

func (d *decoder) mapping(v reflect.Value) error {
	v.Set(reflect.MakeMap(v.Type()))
	return d.members(func(quoted []byte) error {
		name := unquote(quoted)
		d.path = append(d.path, segment{name: name})
		defer func() { d.path = d.path[:len(d.path)-1] }()
		element := reflect.New(v.Type().Elem()).Elem()
		if err := d.value(element); err != nil {
			return err
		}
		v.SetMapIndex(reflect.ValueOf(name).Convert(v.Type().Key()), element)
		return nil
	})
}

func (d *decoder) array(v reflect.Value) error {
	if v.Type().Elem().Kind() == reflect.Float32 {
		return d.vector(v)
	}
	out := reflect.MakeSlice(v.Type(), 0, 4)
	err := d.elements(func(i int) error {
		d.path = append(d.path, segment{index: i})
		defer func() { d.path = d.path[:len(d.path)-1] }()
		element := reflect.New(v.Type().Elem()).Elem()
		if err := d.value(element); err != nil {
			return err
		}
		out = reflect.Append(out, element)
		return nil
	})
	v.Set(out)
	return err
}

// maxAhead is how many numbers memory is taken for before they are read.
const maxAhead = 4096

// commas counts those up to the next closing bracket, limit at most.
func (d *decoder) commas(limit int) int {
	rest := d.data[d.pos:]
	if end := bytes.IndexByte(rest, ']'); end >= 0 {
		rest = rest[:end]
	}
	return min(bytes.Count(rest, []byte{','}), limit)
}

// vector decodes an array of float32 without an allocation or a reflective call per number. The first wrong
// element is reported and the rest only checked.
func (d *decoder) vector(v reflect.Value) error {
	if plain, ok := d.plainVector(); ok {
		v.Set(reflect.ValueOf(plain).Convert(v.Type()))
		return nil
	}
	out := make([]float32, 0, d.commas(maxAhead)+1)
	wrong := false
	note := func(i int, raw []byte, message string) {
		if !wrong {
			d.path = append(d.path, segment{index: i})
			d.problem(raw, "%s", message)
			d.path = d.path[:len(d.path)-1]
		}
		wrong = true
	}
	err := d.elements(func(i int) error {
		c := d.peek()
		if c != '-' && (c < '0' || c > '9') {
			start := d.pos
			err := d.skip()
			note(i, d.data[start:d.pos], "must be a number")
			return err
		}
		raw, err := d.number()
		if err != nil {
			return err
		}
		f, err := strconv.ParseFloat(view(raw), 32)
		if err != nil {
			note(i, raw, "is out of range")
		}
		out = append(out, float32(f))
		return nil
	})
	v.Set(reflect.ValueOf(out).Convert(v.Type()))
	return err
}

// view is b as a string without a copy, for a call that does not keep it.
func view(b []byte) string { return unsafe.String(unsafe.SliceData(b), len(b)) }

func (d *decoder) numeric(c byte, v reflect.Value) error {
	if c != '-' && (c < '0' || c > '9') {
		return d.mismatch("a number")
	}
	raw, err := d.number()
	if err != nil {
		return err
	}
	switch {
	case v.CanInt():
		n, err := strconv.ParseInt(view(raw), 10, 64)
		switch {
		case err != nil && errors.Is(err, strconv.ErrSyntax):
			d.problem(raw, "must be a whole number")
		case err != nil || v.OverflowInt(n):
			d.problem(raw, "is out of range")
		default:
			v.SetInt(n)
		}
	case v.CanFloat():
		f, err := strconv.ParseFloat(view(raw), 64)
		if err != nil || v.OverflowFloat(f) {
			d.problem(raw, "is out of range")
		} else {
			v.SetFloat(f)
		}
	default:
		panic(fmt.Sprintf("strictjson cannot decode into %s", v.Type()))
	}
	return nil
}

// structFields says which names a struct takes.
type structFields struct {
	number map[string]int
	index  [][]int
	hint   string // the names there are, for people who mistyped one
}

var structCache sync.Map // reflect.Type → *structFields

func fieldsOf(t reflect.Type) *structFields {
	if known, ok := structCache.Load(t); ok {
		return known.(*structFields)
	}
	s := &structFields{number: map[string]int{}}
	var names []string
	for _, f := range reflect.VisibleFields(t) {
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		if name == "" || name == "-" {
			continue
		}
		s.number[name] = len(s.index)
		s.index = append(s.index, f.Index)
		names = append(names, name)
	}
	s.hint = "; the fields here are " + strings.Join(names, ", ")
	structCache.Store(t, s)
	return s
}
