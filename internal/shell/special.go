package shell

import (
	"regexp"
	"slices"
	"strings"
)

// special is the judge of a command whose words are a language of their own; nil for others.
func special(name string) func(j *judge, name string, args []arg, depth int) {
	switch name {
	case "find":
		return (*judge).find
	case "xargs":
		return (*judge).xargs
	case "awk", "mawk", "gawk", "nawk":
		return (*judge).awk
	case "sed":
		return (*judge).sed
	case "dd":
		return (*judge).dd
	case "sh", "bash", "dash":
		return (*judge).shell
	case "su":
		return (*judge).su
	case "eval":
		return (*judge).eval
	case "trap":
		return (*judge).trap
	case "command":
		return (*judge).command
	case "exec":
		return (*judge).exec
	case "test", "[":
		return (*judge).test
	case "read", "unset":
		return (*judge).read
	case "ssh", "kubectl", "docker", "podman", "crictl", "nsenter", "chroot", "parallel", "runuser", "systemd-run", "ip", "lxc":
		return (*judge).carrier
	}
	return nil
}

// carrier judges what may carry a command elsewhere: at least as a change where it is not known to read, and as
// worse where the words it carries are.
func (j *judge) carrier(name string, args []arg, depth int) {
	if e := j.tables.reads[name]; e != nil && e.allows(args) {
		return
	}
	j.carried(args, depth)
	j.plain(name, args)
}

// carried looks for something destructive in words whose meaning is not known.
func (j *judge) carried(args []arg, depth int) {
	for i, a := range args {
		if name, ok := programOf(a); ok {
			for _, d := range j.tables.destroys[name] {
				if d.matches(args[i+1:], j.literals) {
					j.destroys(d.because)
				}
			}
			if strings.ContainsAny(a.text, " ;|&") || (name == "sh" || name == "bash") && i+1 < len(args) {
				inner := judge{tables: j.tables}
				if name == "sh" || name == "bash" {
					inner.shell(name, args[i+1:], depth+1)
				} else {
					inner.script(a.text, depth+1)
				}
				if weight(inner.worst.Risk) == 3 {
					j.worst = inner.worst
				}
			}
		}
	}
}

var (
	// findReads are the expressions of find that take no word, findTakes those that take one.
	findReads = regexp.MustCompile(`^-(H|L|P|O\d|a|o|and|or|not|daystart|depth|d|empty|executable|readable|writable|follow|ls|mount|xdev|noleaf|nouser|nogroup|print|print0|prune|quit|true|false|warn|nowarn|ignore_readdir_race)$`)
	findTakes = regexp.MustCompile(`^-(amin|anewer|atime|cmin|cnewer|ctime|context|fstype|gid|group|ilname|iname|inum|ipath|iregex|iwholename|links|lname|maxdepth|mindepth|mmin|mtime|name|newer[aBcm]?[aBcmt]?|path|perm|printf|regex|regextype|samefile|size|type|uid|used|user|wholename|xtype)$`)
)

func (j *judge) find(_ string, args []arg, depth int) {
	for i := 0; i < len(args); i++ {
		a := args[i]
		switch t := a.text; {
		case !a.mayBeFlag():
		case !a.literal:
			j.changes("find with words made at run time cannot be judged.")
			return
		case t == "-delete":
			j.destroys("find deletes what it finds.")
		case slices.Contains([]string{"-exec", "-execdir", "-ok", "-okdir"}, t):
			end := i + 1
			for end < len(args) && args[end].text != ";" && !(args[end].text == "+" && args[end-1].text == "{}") {
				end++
			}
			if end == i+1 {
				j.changes("find runs something that cannot be judged.")
				return
			}
			j.call(found(args[i+1:end]), depth)
			i = end
		case findTakes.MatchString(t):
			i++
		case findReads.MatchString(t):
		default:
			j.changes("find with " + a.shown() + " is not known to read only.")
		}
	}
}

// found replaces {} by a file name that begins where the search does, so never a flag.
func found(args []arg) []arg {
	out := slices.Clone(args)
	for i, a := range out {
		if strings.Contains(a.text, "{}") {
			before, _, _ := strings.Cut(a.text, "{}")
			out[i] = arg{text: before + "/", prefix: before + "/", one: true}
			if before == "" && i == 0 {
				out[i].prefix = ""
			}
		}
	}
	return out
}

func (j *judge) xargs(_ string, args []arg, depth int) {
	e := j.tables.wraps["xargs"]
	inner, ok := e.inner(args)
	if !ok {
		j.carried(args, depth)
		j.changes("xargs with these words cannot be judged.")
		return
	}
	if len(inner) == 0 {
		return // echo
	}
	inner = slices.Clone(inner)
	for i, a := range inner {
		if strings.Contains(a.text, "{}") || strings.Contains(a.text, "%") { // may be replaced by -I
			before, _, _ := strings.Cut(strings.ReplaceAll(a.text, "%", "{}"), "{}")
			inner[i] = arg{text: before, prefix: before, one: true}
		}
	}
	// What it appends comes from its input: any words, flags among them.
	j.call(append(inner, arg{}), depth)
}

var (
	awkFlags = regexp.MustCompile(`^(-F.*|-v.*|--|-W(version|interactive))$`)
	// awkWrites finds what makes a program run commands or load code.
	awkWrites = regexp.MustCompile(`\bsystem\b|(^|[^|])\|([^|]|$)|@|/inet`)
	// awkPrints finds print with a sign that sends it to a file, awkPrintsAny where a regexp in the program may
	// hide the end of the statement.
	awkPrints    = regexp.MustCompile(`\bprintf?\b[^;}]*>`)
	awkPrintsAny = regexp.MustCompile(`(?s)\bprintf?\b.*>`)
	awkString    = regexp.MustCompile(`"(?:[^"\\\n]|\\.)*"`)
)

func (j *judge) awk(name string, args []arg, _ int) {
	for i := 0; i < len(args); i++ {
		a := args[i]
		if a.mayBeFlag() {
			if !a.literal && a.prefix != "-v" && !(strings.HasPrefix(a.prefix, "-v") && a.one) || !awkFlags.MatchString(a.text) {
				j.changes(name + " with these flags is not known to read only.")
				return
			}
			if a.text == "-v" || a.text == "-F" {
				if i++; i < len(args) && !args[i].one {
					j.changes(name + " with words made at run time cannot be judged.")
					return
				}
			}
			continue
		}
		switch {
		case !a.literal:
			j.changes("The program of " + name + " is made at run time.")
		case awkActs(a.text):
			j.changes("The program of " + name + " may write or run something.")
		}
		return // the words after the program are files and assignments to its variables
	}
}

// awkActs says whether a program may run, write or load something. The text of its strings is left out: a string
// that names a file or a command is found by the sign before it. A slash both inside and outside of strings may
// be a regexp that holds a quote, so that what looks like a string is none; then nothing is left out.
func awkActs(program string) bool {
	plain := awkString.ReplaceAllString(program, `""`)
	if strings.Contains(plain, "/") && strings.Count(plain, "/") != strings.Count(program, "/") {
		plain = program
	}
	prints := awkPrints
	if strings.Contains(plain, "/") {
		prints = awkPrintsAny
	}
	return awkWrites.MatchString(plain) || prints.MatchString(plain)
}

var (
	sedFlags   = regexp.MustCompile(`^(-[nrEsuz]+|--quiet|--silent|--regexp-extended|--separate|--unbuffered|--null-data|--)$`)
	sedBracket = regexp.MustCompile(`\[\^?\]|\[[^\]]*[/|,]`) // a set that may hold the sign that ends the pattern
	sedAddress = `(?:\d+|\$|/(?:[^/\\\n]|\\.)*/I?)`
	sedCommand = regexp.MustCompile(`^\s*(?:` + sedAddress + `(?:,\s*[+~]?` + sedAddress + `)?)?\s*!?\s*(?:[pdqQDPnNgGhHx=]|s/(?:[^/\\\n]|\\.)*/(?:[^/\\\n]|\\.)*/[gpIi0-9]*|s\|(?:[^|\\\n]|\\.)*\|(?:[^|\\\n]|\\.)*\|[gpIi0-9]*|s,(?:[^,\\\n]|\\.)*,(?:[^,\\\n]|\\.)*,[gpIi0-9]*|y/[^/\n]*/[^/\n]*/)?\s*(?:[;\n]|$)`)
)

func (j *judge) sed(_ string, args []arg, _ int) {
	seen := false
	for i := 0; i < len(args); i++ {
		a := args[i]
		switch {
		case a.literal && (a.text == "-e" || a.text == "--expression") && i+1 < len(args):
			i++
			seen = true
			j.sedScript(args[i])
		case a.mayBeFlag() && a.literal && sedFlags.MatchString(a.text):
		case a.mayBeFlag():
			if a.literal && (strings.HasPrefix(a.text, "-i") || strings.HasPrefix(a.text, "--in-place")) {
				j.changes("sed -i edits files.")
			} else {
				j.changes("sed with these flags is not known to read only.")
			}
			return
		case !seen:
			seen = true
			j.sedScript(a)
		}
	}
}

func (j *judge) sedScript(a arg) {
	if !a.literal {
		j.changes("The script of sed is made at run time.")
		return
	}
	if sedBracket.MatchString(a.text) {
		j.changes("The script of sed cannot be judged.")
		return
	}
	for text := a.text; text != ""; {
		n := len(sedCommand.FindString(text))
		if n == 0 {
			j.changes("The script of sed may write or run something.")
			return
		}
		text = text[n:]
	}
}

var ddHarmless = regexp.MustCompile(`^(if|bs|ibs|count|skip|iseek|status|iflag)=`)

func (j *judge) dd(_ string, args []arg, _ int) {
	for _, a := range args {
		switch {
		case a.literal && a.text == "of=/dev/null":
		case strings.HasPrefix(a.text, "of=") || !a.one || a.prefix == "":
			j.destroys("dd overwrites its output.")
		case !ddHarmless.MatchString(a.text):
			j.changes("dd with these words is not known to read only.")
		}
	}
}

var (
	shellString = regexp.MustCompile(`^-[eux]+c$`)
	shellFlags  = regexp.MustCompile(`^(--norc|--noprofile|--posix|-[eux]+|-o|pipefail|\+[eux]+)$`)
)

func (j *judge) shell(name string, args []arg, depth int) {
	for i, a := range args {
		if a.literal && (a.text == "-c" || shellString.MatchString(a.text)) {
			if i+1 >= len(args) || !args[i+1].literal {
				j.changes("What " + name + " -c runs is made at run time.")
				return
			}
			j.script(args[i+1].text, depth+1)
			return
		}
		if !a.literal || !shellFlags.MatchString(a.text) {
			break
		}
	}
	j.changes(name + " runs a script that is not seen here.")
}

func (j *judge) su(_ string, args []arg, depth int) {
	for i, a := range args {
		if a.literal && (a.text == "-c" || a.text == "--command") && i+1 < len(args) && args[i+1].literal {
			j.script(args[i+1].text, depth+1)
			return
		}
	}
	j.changes("su starts a shell.")
}

func (j *judge) eval(_ string, args []arg, depth int) {
	var text []string
	for _, a := range args {
		if !a.literal {
			j.changes("What eval runs is made at run time.")
			return
		}
		text = append(text, a.text)
	}
	j.script(strings.Join(text, " "), depth+1)
}

func (j *judge) trap(_ string, args []arg, depth int) {
	if len(args) == 0 {
		return
	}
	if !args[0].literal {
		j.changes("What trap runs is made at run time.")
		return
	}
	if t := args[0].text; t != "-" && t != "" && t != "-l" && t != "-p" {
		j.script(t, depth+1)
	}
}

func (j *judge) command(_ string, args []arg, depth int) {
	for i, a := range args {
		if !a.literal {
			break
		}
		switch a.text {
		case "-v", "-V":
			return
		case "-p", "--":
			continue
		}
		if !strings.HasPrefix(a.text, "-") {
			j.call(args[i:], depth)
			return
		}
		break
	}
	if len(args) > 0 {
		j.changes("What command runs cannot be judged.")
	}
}

func (j *judge) exec(_ string, args []arg, depth int) {
	if len(args) == 0 {
		return // only redirections, judged with their statement
	}
	if args[0].mayBeFlag() {
		j.changes("What exec runs cannot be judged.")
		return
	}
	j.call(args, depth)
}

// test is harmless but for -v and -R, which evaluate an index.
func (j *judge) test(name string, args []arg, _ int) {
	for _, a := range args {
		if a.literal && (a.text == "-v" || a.text == "-R") || !a.one {
			j.changes(name + " with these words cannot be judged.")
			return
		}
	}
}

var (
	variableName = regexp.MustCompile(`^[a-z_][a-z0-9_]*$`)
	readTakes    = regexp.MustCompile(`^-[rs]*[dntNpu]$`)
	readFlags    = regexp.MustCompile(`^-[rsfv]+$`)
)

// read judges what sets variables by name.
func (j *judge) read(name string, args []arg, _ int) {
	for i := 0; i < len(args); i++ {
		a := args[i]
		switch {
		case !a.literal:
			j.changes("It sets variables whose names cannot be seen.")
		case strings.HasPrefix(a.text, "-"):
			if name == "read" && readTakes.MatchString(a.text) {
				i++
			} else if !readFlags.MatchString(a.text) {
				j.changes(name + " with these flags cannot be judged.")
			}
		case !variableName.MatchString(a.text) || !harmlessVariable(a.text):
			if a.text != "REPLY" {
				j.changes("It sets " + a.shown() + ".")
			}
		}
	}
}
