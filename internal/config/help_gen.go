// Code generated from config.go by make gen; DO NOT EDIT.

package config

// help explains a setting or a group of settings.
func help(key string) string {
	switch key {
	case "listen":
		return "Address and port to listen on. Anything beyond loopback needs tls.cert and tls.key, or the proxy that does TLS named in trusted_proxies; without either the server refuses to start."
	case "data":
		return "Directory that holds everything the server keeps: database, recordings, files, keys. One server at a time may use it. The default is for root /var/lib/helpdesk, for others $XDG_DATA_HOME/helpdesk or ~/.local/share/helpdesk."
	case "database":
		return "PostgreSQL to use in place of the built-in SQLite, as postgres://user:password@host/name. Needed when several nodes share the work."
	case "nats":
		return "NATS cluster to use in place of the built-in one, as nats://host:4222. Needed when several nodes share the work."
	case "public_url":
		return "Address at which people reach the server, such as https://help.example.com. Links in invitations are made from it, and its host name is accepted. The default is the address of listen; beyond loopback it must be set."
	case "hosts":
		return "Further host names under which requests are accepted. Requests for any other host are answered 421, which stops web pages that point their own name at this server."
	case "trusted_proxies":
		return "Networks (such as 10.0.0.0/8) or addresses of the reverse proxies whose X-Forwarded-For and X-Forwarded-Proto are believed."
	case "key":
		return "Key that encrypts the stored secrets: 32 bytes, as 64 hexadecimal digits or in base64. Prefer key_file."
	case "key_file":
		return "File that holds the key. The default is secret.key in the data directory, made at the first start. Without this key the stored secrets cannot be read: keep a copy apart from the backups of the data."
	case "uids":
		return "Users of this system from which tenants get theirs, when the server is started by root: first-last. They must not belong to anybody else."
	case "tls":
		return "TLS names the certificate for listening beyond loopback."
	case "tls.cert":
		return "File with the certificate chain, in PEM."
	case "tls.key":
		return "File with the certificate's private key, in PEM."
	case "admin":
		return "Admin is what only a platform admin is concerned with."
	case "admin.token":
		return "API token of a platform admin, for automation that must work before anybody has signed in. Any text of at least 20 characters without spaces. Empty: no such token."
	case "admin.terminal":
		return "Whether platform admins may open a Terminal as the user who runs the server, unconfined: on, off, or auto, which is on while the server listens on loopback only."
	case "host_view":
		return "HostView is what the tenant This machine sees of this machine."
	case "host_view.sockets":
		return "Sockets that are let in, each by its full path. A program that listens on one does what it is asked to by whoever may connect: name only what answers questions and changes nothing."
	case "host_view.homes":
		return "Whether the home directories of people are to be seen: yes or no."
	case "log":
		return "Log is how the server logs, on standard error."
	case "log.level":
		return "Least level that is logged: debug, info, warn or error."
	case "log.format":
		return "Form of the log: text, or json, one object a line."
	case "limits":
		return "Limits hold each limit of the server. Whoever meets one is told which it is, by its name here."
	case "limits.message":
		return "Size of one message to an agent."
	case "limits.suggestion":
		return "Size of one suggested command together with its purpose and expected outcome."
	case "limits.suggestions_per_reply":
		return "Suggestions in one reply of an agent."
	case "limits.file":
		return "Size of one file of a ticket."
	case "limits.reply":
		return "Size of everything in one reply of an agent."
	case "limits.turn":
		return "Time an agent may take for one turn."
	case "limits.lease":
		return "Time after which the turn of a node that has gone silent is taken over by another."
	case "limits.queued_messages":
		return "Messages of one ticket that may wait for their turn."
	case "limits.turns_per_day":
		return "Turns that one person may start in a day."
	case "limits.terminals":
		return "Terminals of one ticket."
	case "limits.streams":
		return "Event streams that one user may hold open, over all tabs and devices."
	case "limits.output_to_agent":
		return "Output of one command as it is sent to an agent: its head and its tail, with a note between. All of it is kept and shown to people."
	case "limits.run":
		return "Time one command may run before it is stopped."
	case "limits.approval":
		return "Time after which an approval that nobody sent lapses."
	case "limits.recording_per_terminal":
		return "Recorded output of one Terminal. At the limit the Terminal pauses and asks."
	case "limits.recording_per_run":
		return "Recorded output of one run of a command. What it writes beyond the limit is not kept; it runs on."
	case "limits.recording_per_tenant":
		return "Recorded output of one tenant. From 80 % on there is a notice; at the limit Terminals pause and ask."
	case "limits.memory":
		return "Memory that one sandbox may take."
	case "limits.processes":
		return "Processes and threads that one sandbox may have."
	case "limits.workspace":
		return "Size of all files in one ticket's workspace."
	case "limits.workspace_files":
		return "Number of files in one ticket's workspace."
	}
	return ""
}
