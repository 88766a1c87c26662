package settings

import (
	"encoding/json"
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

type knobs struct {
	RouteOperation time.Duration
	Quota          int
	On             bool
	Limits         map[string]int
}

func TestSettingsSurviveTheirEncoding(t *testing.T) {
	want := knobs{RouteOperation: 1500 * time.Millisecond, Quota: 3, On: true, Limits: map[string]int{"A": 1}}
	raw, err := Encode(want)
	if err != nil {
		t.Fatal(err)
	}
	var got knobs
	if err := Apply(&got, raw); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Fatal(diff)
	}
}

func TestOnlyNamedSettingsChangeWhateverTheCase(t *testing.T) {
	got := knobs{Quota: 3, RouteOperation: time.Second}
	if err := Apply(&got, json.RawMessage(`{"routeoperation":"2s"}`)); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(knobs{Quota: 3, RouteOperation: 2 * time.Second}, got); diff != "" {
		t.Fatal(diff)
	}
}

func TestBadSettingsAreRefused(t *testing.T) {
	for _, raw := range []string{
		`{"Nothing":1}`, `{"RouteOperation":1000}`, `{"RouteOperation":"soon"}`, `{"RouteOperation":"-1s"}`, `{"Quota":"many"}`, `[]`,
	} {
		if err := Apply(&knobs{}, json.RawMessage(raw)); !errors.Is(err, ErrSetting) {
			t.Errorf("%s: got %v, want ErrSetting", raw, err)
		}
	}
}
