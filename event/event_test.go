package event_test

import (
	"encoding/json"
	"flag"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"helpdesk"
	"helpdesk/event"
)

var update = flag.Bool("update", false, "write examples of new kinds and fields")

// sample fills every field of a fact, so that none is left out of its example.
func sample(t *testing.T, f event.Fact) event.Fact {
	t.Helper()
	v := reflect.New(reflect.TypeOf(f)).Elem()
	fill(t, v, "it")
	return v.Interface().(event.Fact)
}

func fill(t *testing.T, v reflect.Value, name string) {
	t.Helper()
	switch x := v.Addr().Interface().(type) {
	case *time.Time:
		*x = time.Date(2026, 3, 1, 9, 0, 0, 123456000, time.UTC)
		return
	}
	switch v.Kind() {
	case reflect.String:
		v.SetString(`some "` + strings.ToLower(name) + `" <☃>`)
	case reflect.Int, reflect.Int64:
		v.SetInt(int64(len(name)))
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		fill(t, v.Elem(), name)
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 2, 2))
		fill(t, v.Index(0), name+" one")
		fill(t, v.Index(1), name+" two")
	case reflect.Struct:
		for i := range v.NumField() {
			fill(t, v.Field(i), v.Type().Field(i).Name)
		}
	default:
		t.Fatalf("a fact has a field %s of kind %v, for which there is no example", name, v.Kind())
	}
}

// TestGoldenExamples holds the promise that the log decodes for ever. Each file in testdata is a fact as it was once
// written: <Kind>.json the first, <Kind>.2.json one with a field that came later, and so on. None is ever changed;
// -update only adds.
func TestGoldenExamples(t *testing.T) {
	kinds := event.Kinds()
	examples := map[string][]string{}
	files, err := filepath.Glob(filepath.Join("testdata", "*.json"))
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		kind, _, _ := strings.Cut(filepath.Base(file), ".")
		if kinds[kind] == nil {
			t.Errorf("%s: a kind that was once written is gone", file)
			continue
		}
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		fact, err := event.Decode(kind, data)
		if err != nil {
			t.Errorf("%s: %v", file, err)
			continue
		}
		_, again, err := event.Encode(fact)
		if err != nil {
			t.Errorf("%s: %v", file, err)
			continue
		}
		// Whatever was written is read: nothing renamed, removed or of another type.
		if lost := missing(decoded(t, data), decoded(t, again), kind); len(lost) > 0 {
			t.Errorf("%s: no longer read: %s", file, strings.Join(lost, ", "))
		}
		examples[kind] = append(examples[kind], string(again))
	}
	for kind, zero := range kinds {
		want := sample(t, zero)
		_, data, err := event.Encode(want)
		if err != nil {
			t.Fatal(err)
		}
		got, err := event.Decode(kind, data)
		if diff := cmp.Diff(want, got); diff != "" || err != nil {
			t.Errorf("%s does not come back as it was (-want +got):\n%s%v", kind, diff, err)
		}
		if slices.Contains(examples[kind], string(data)) {
			continue
		}
		name := kind + ".json"
		if n := len(examples[kind]); n > 0 {
			name = fmt.Sprintf("%s.%d.json", kind, n+1)
		}
		if !*update {
			t.Errorf("there is no example of %s with all of its fields; go test ./event -run Golden -update writes one", kind)
			continue
		}
		text, err := json.MarshalIndent(json.RawMessage(data), "", "  ")
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join("testdata", name), append(text, '\n'), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

func decoded(t *testing.T, data []byte) (v any) {
	t.Helper()
	if err := json.Unmarshal(data, &v); err != nil {
		t.Fatal(err)
	}
	return v
}

// missing lists what is in was and not in is.
func missing(was, is any, path string) (lost []string) {
	switch was := was.(type) {
	case map[string]any:
		m, _ := is.(map[string]any) // nil holds nothing
		for _, k := range slices.Sorted(maps.Keys(was)) {
			v, ok := m[k]
			if !ok {
				lost = append(lost, path+"."+k)
				continue
			}
			lost = append(lost, missing(was[k], v, path+"."+k)...)
		}
	case []any:
		list, _ := is.([]any) // nil holds nothing
		for i := range was {
			if i >= len(list) {
				return append(lost, fmt.Sprintf("%s[%d]", path, i))
			}
			lost = append(lost, missing(was[i], list[i], fmt.Sprintf("%s[%d]", path, i))...)
		}
	default:
		if !reflect.DeepEqual(was, is) {
			lost = append(lost, path)
		}
	}
	return lost
}

func TestUnknownThings(t *testing.T) {
	if _, err := event.Decode("TicketPainted", []byte(`{}`)); err == nil || !strings.Contains(err.Error(), "TicketPainted") {
		t.Errorf("an unknown kind: %v", err)
	}
	got, err := event.Decode("TicketRenamed", []byte(`{"from":"a","to":"b","colour":"red","more":[1,{"x":2}]}`))
	if diff := cmp.Diff(event.Fact(event.TicketRenamed{From: "a", To: "b"}), got); diff != "" || err != nil {
		t.Errorf("unknown fields (-want +got):\n%s%v", diff, err)
	}
	for _, data := range []string{``, `[]`, `"x"`, `{"from":1}`, `{`, "\xff"} {
		if _, err := event.Decode("TicketRenamed", []byte(data)); err == nil {
			t.Errorf("%q was read as a fact", data)
		}
	}
	all := event.Kinds()
	delete(all, "TicketRenamed")
	if event.Kinds()["TicketRenamed"] == nil {
		t.Error("whoever asks for the kinds can change them")
	}
}

// Ensure that the domain's things come back from the log as they went in.
func TestConversions(t *testing.T) {
	code := 3
	by := helpdesk.By{Kind: helpdesk.ActorUser, ID: "u-1", Name: "Ann"}
	o := helpdesk.Outcome{ExitCode: &code, Signal: "TERM", TimedOut: true, Stopped: true, Unknown: true, Output: "x", Truncated: true,
		StartedAt: time.Unix(1, 0).UTC(), EndedAt: time.Unix(2, 0).UTC(), By: by}
	if diff := cmp.Diff(o, event.OutcomeOf(o).Outcome()); diff != "" {
		t.Errorf("outcome (-want +got):\n%s", diff)
	}
	for _, d := range []helpdesk.Delivery{
		{Suggestion: "s", Command: "df", Choice: helpdesk.Execute, Reason: "why", Run: "r", Outcome: &o},
		{Suggestion: "s", Command: "df", Choice: helpdesk.Reject, Reason: "no"},
	} {
		if diff := cmp.Diff(d, event.DeliveryOf(d).Delivery()); diff != "" {
			t.Errorf("delivery (-want +got):\n%s", diff)
		}
	}
	s := helpdesk.Suggestion{ID: "s", Turn: "t", Agent: "a", Instance: "i", Position: 2, Command: "df", Purpose: "p", Expected: "e", Scope: helpdesk.ScopeAdmin,
		Place: "host", Cwd: "/", Files: []helpdesk.ProposedFile{{Path: "f", Content: "c"}}, Risk: helpdesk.RiskReads, EnvNames: []string{"A"}, Digest: "d"}
	want := event.SuggestionProposed{ID: "s", Turn: "t", Agent: "a", Instance: "i", Position: 2, Command: "df", Purpose: "p", Expected: "e", Scope: "admin",
		Place: "host", Cwd: "/", Files: []event.File{{Path: "f", Content: "c"}}, Risk: "reads", EnvNames: []string{"A"}, Digest: "d"}
	if diff := cmp.Diff(want, event.Proposed(s)); diff != "" {
		t.Errorf("proposed (-want +got):\n%s", diff)
	}
	if got := event.Who(by).By(); got != by {
		t.Errorf("who: %+v", got)
	}
}

// FuzzDecode: whatever is in a log, reading it fails with an error or gives a fact that can be written and read again.
func FuzzDecode(f *testing.F) {
	files, err := filepath.Glob(filepath.Join("testdata", "*.json"))
	if err != nil {
		f.Fatal(err)
	}
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		kind, _, _ := strings.Cut(filepath.Base(file), ".")
		f.Add(kind, data)
	}
	f.Add("RunEnded", []byte(`{"outcome":{"exit_code":null,"started_at":"0001-01-01T00:00:00Z"}}`))
	f.Add("Nothing", []byte(`null`))
	f.Fuzz(func(t *testing.T, kind string, data []byte) {
		fact, err := event.Decode(kind, data)
		if err != nil {
			return
		}
		name, again, err := event.Encode(fact)
		if err != nil || name != kind {
			t.Fatalf("%s was read and cannot be written: %s, %v", kind, name, err)
		}
		twice, err := event.Decode(kind, again)
		if err != nil {
			t.Fatalf("%s was written and cannot be read: %v", kind, err)
		}
		if _, third, err := event.Encode(twice); err != nil || string(third) != string(again) {
			t.Fatalf("%s changes each time it is written:\n%s\n%s", kind, again, third)
		}
	})
}
