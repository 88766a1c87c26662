// Package settings reads and writes structs of knobs as JSON objects, with
// durations as strings and names without regard to case.
package settings

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"time"
)

// ErrSetting is wrapped by every refusal.
var ErrSetting = errors.New("bad setting")

var durationType = reflect.TypeFor[time.Duration]()

// Encode writes a struct of knobs.
func Encode(knobs any) (json.RawMessage, error) {
	v := reflect.Indirect(reflect.ValueOf(knobs))
	out := map[string]any{}
	for field, value := range v.Fields() {
		if d, ok := reflect.TypeAssert[time.Duration](value); ok {
			out[field.Name] = d.String()
			continue
		}
		out[field.Name] = value.Interface()
	}
	raw, err := json.Marshal(out)
	if err != nil {
		return nil, fmt.Errorf("encode settings: %w", err)
	}
	return raw, nil
}

// Apply changes the named fields of *knobs. A failure may leave some changed:
// give it a copy.
func Apply(knobs any, raw json.RawMessage) error {
	if len(bytes.TrimSpace(raw)) == 0 {
		return nil
	}
	var given map[string]json.RawMessage
	if err := json.Unmarshal(raw, &given); err != nil {
		return fmt.Errorf("%w: not an object: %w", ErrSetting, err)
	}
	v := reflect.ValueOf(knobs).Elem()
	for name, value := range given {
		field := v.FieldByNameFunc(func(f string) bool { return strings.EqualFold(f, name) })
		if !field.IsValid() {
			return fmt.Errorf("%w: there is no setting %q", ErrSetting, name)
		}
		if err := set(field, value); err != nil {
			return fmt.Errorf("%w: %s: %w", ErrSetting, name, err)
		}
	}
	return nil
}

func set(field reflect.Value, raw json.RawMessage) error {
	if field.Type() != durationType {
		fresh := reflect.New(field.Type())
		if err := json.Unmarshal(raw, fresh.Interface()); err != nil {
			return err
		}
		field.Set(fresh.Elem())
		return nil
	}
	var text string
	if err := json.Unmarshal(raw, &text); err != nil {
		return fmt.Errorf(`a duration is a string such as "1s": %w`, err)
	}
	d, err := time.ParseDuration(text)
	if err != nil {
		return err
	}
	if d < 0 {
		return errors.New("negative duration")
	}
	field.SetInt(int64(d))
	return nil
}
