package pineconeemu

import (
	"maps"
	"math"
	"slices"
	"strings"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/structpb"
)

const maxInValues = 10_000 // of one $in or $nin

// parseFilter understands a filter as a query sends it; an absent or empty one lets everything through.
func parseFilter(s *structpb.Struct) (filter, error) {
	if len(s.GetFields()) == 0 {
		return everything{}, nil
	}
	return parseObject(s)
}

// parseObject understands {field: condition, …, $and: […], $or: […]}, whose parts must all hold.
func parseObject(s *structpb.Struct) (filter, error) {
	var parts allOf
	for _, key := range slices.Sorted(maps.Keys(s.GetFields())) {
		value := s.GetFields()[key]
		var part filter
		var err error
		switch {
		case key == "$and" || key == "$or":
			part, err = parseJunction(key, value)
		case strings.HasPrefix(key, "$"):
			err = badFilter("%s is not a valid operator at the top level of a filter", key)
		default:
			part, err = parseField(key, value)
		}
		if err != nil {
			return nil, err
		}
		parts = append(parts, part)
	}
	return parts, nil
}

func parseJunction(operator string, value *structpb.Value) (filter, error) {
	list, ok := value.GetKind().(*structpb.Value_ListValue)
	if !ok || len(list.ListValue.GetValues()) == 0 {
		return nil, badFilter("the %s operator must be followed by a non-empty list of filters", operator)
	}
	var parts []filter
	for _, element := range list.ListValue.GetValues() {
		object, ok := element.GetKind().(*structpb.Value_StructValue)
		if !ok {
			return nil, badFilter("the %s operator must be followed by a list of filters, got %s", operator, show(element))
		}
		part, err := parseObject(object.StructValue)
		if err != nil {
			return nil, err
		}
		parts = append(parts, part)
	}
	if operator == "$or" {
		return anyOf(parts), nil
	}
	return allOf(parts), nil
}

// parseField understands {field: value} and {field: {$operator: operand, …}}; the service ignores {field: {}}.
func parseField(field string, value *structpb.Value) (filter, error) {
	object, ok := value.GetKind().(*structpb.Value_StructValue)
	if !ok {
		holds, err := parseCondition("$eq", value)
		return condition{field, holds}, err
	}
	var parts allOf
	operators := object.StructValue.GetFields()
	for _, operator := range slices.Sorted(maps.Keys(operators)) {
		holds, err := parseCondition(operator, operators[operator])
		if err != nil {
			return nil, err
		}
		parts = append(parts, condition{field, holds})
	}
	return parts, nil
}

func parseCondition(operator string, operand *structpb.Value) (func(*structpb.Value) bool, error) {
	switch operator {
	case "$eq", "$ne":
		return parseEqual(operator, operand)
	case "$gt", "$gte", "$lt", "$lte":
		return parseOrder(operator, operand)
	case "$in", "$nin":
		return parseIn(operator, operand)
	case "$exists":
		wanted, ok := operand.GetKind().(*structpb.Value_BoolValue)
		if !ok {
			return nil, badFilter("the $exists operator must be followed by a boolean, got %s instead", show(operand))
		}
		return func(value *structpb.Value) bool { return (value != nil) == wanted.BoolValue }, nil
	}
	return nil, badFilter("%s is not a valid operator", operator)
}

func parseEqual(operator string, operand *structpb.Value) (func(*structpb.Value) bool, error) {
	if !isScalar(operand) {
		return nil, badFilter("the %s operator must be followed by a string, boolean or a number, got %s instead", operator, show(operand))
	}
	holds := func(value *structpb.Value) bool {
		return some(value, func(v *structpb.Value) bool { return equal(v, operand) })
	}
	if operator == "$ne" {
		holds = not(holds)
	}
	return holds, nil
}

func parseOrder(operator string, operand *structpb.Value) (func(*structpb.Value) bool, error) {
	number, ok := operand.GetKind().(*structpb.Value_NumberValue)
	if !ok || math.IsNaN(number.NumberValue) {
		return nil, badFilter("the %s operator must be followed by a number, got %s instead", operator, show(operand))
	}
	bound := number.NumberValue
	within := map[string]func(v float64) bool{
		"$gt":  func(v float64) bool { return v > bound },
		"$gte": func(v float64) bool { return v >= bound },
		"$lt":  func(v float64) bool { return v < bound },
		"$lte": func(v float64) bool { return v <= bound },
	}[operator]
	return func(value *structpb.Value) bool {
		return some(value, func(v *structpb.Value) bool {
			number, ok := v.GetKind().(*structpb.Value_NumberValue)
			return ok && within(number.NumberValue)
		})
	}, nil
}

func parseIn(operator string, operand *structpb.Value) (func(*structpb.Value) bool, error) {
	list, ok := operand.GetKind().(*structpb.Value_ListValue)
	if !ok {
		return nil, badFilter("the %s operator must be followed by a list of strings or a list of numbers, got %s instead", operator, show(operand))
	}
	wanted := list.ListValue.GetValues()
	if len(wanted) > maxInValues {
		return nil, badFilter("the %s operator takes at most %d values, got %d", operator, maxInValues, len(wanted))
	}
	strs, numbers := map[string]bool{}, map[float64]bool{}
	for _, v := range wanted {
		switch v := v.GetKind().(type) {
		case *structpb.Value_StringValue:
			strs[v.StringValue] = true
		case *structpb.Value_NumberValue:
			numbers[v.NumberValue] = true
		}
	}
	if (len(strs) > 0 && len(numbers) > 0) || slices.ContainsFunc(wanted, func(v *structpb.Value) bool { return !isStringOrNumber(v) }) {
		return nil, badFilter("the %s operator must be followed by a list of strings or a list of numbers, got %s instead", operator, show(operand))
	}
	holds := func(value *structpb.Value) bool {
		return some(value, func(v *structpb.Value) bool {
			switch v := v.GetKind().(type) {
			case *structpb.Value_StringValue:
				return strs[v.StringValue]
			case *structpb.Value_NumberValue:
				return numbers[v.NumberValue]
			}
			return false
		})
	}
	if operator == "$nin" {
		holds = not(holds)
	}
	return holds, nil
}

func isStringOrNumber(v *structpb.Value) bool {
	_, isBool := v.GetKind().(*structpb.Value_BoolValue)
	return isScalar(v) && !isBool
}

func isScalar(v *structpb.Value) bool {
	switch v.GetKind().(type) {
	case *structpb.Value_StringValue, *structpb.Value_NumberValue, *structpb.Value_BoolValue:
		return true
	}
	return false
}

func badFilter(format string, args ...any) error {
	return status.Errorf(codes.InvalidArgument, format, args...)
}

// show renders a value as JSON, cut as the service cuts it in its messages.
func show(v *structpb.Value) string {
	text, err := v.MarshalJSON()
	if err != nil {
		return "an invalid value"
	}
	if len(text) > 10 {
		return string(text[:10]) + "..."
	}
	return string(text)
}

// parseSelection is parseFilter for writes, where an empty filter would be the whole namespace by accident.
func parseSelection(s *structpb.Struct) (filter, error) {
	if len(s.GetFields()) == 0 {
		return nil, badFilter("A write by filter needs at least one condition")
	}
	return parseObject(s)
}
