"""Programs that check or measure Plimsoll against other software, and what these programs share.

Shared modules, from the ground up:

- `repository`: folders of the repository, and its commit
- `commands`: run a command to its end, with a time limit
- `processes`: a child process that always ends
- `servers`: start a server process and read its address
- `ports`: free ports, and waiting for a listener
- `machine`: processor, and processes bound to one core
- `sizes`: sizes in bytes, written for people
- `cargo`: builds, and the folder that they go to
- `binary`: the plimsoll command, its documents and its servers
- `nginx`: nginx in front of a server
- `environments`: virtual environments below target/
- `checks`: count passed and failed checks, print a closing line
- `rounds`: alternating rounds, medians, ratios within a round
- `tables`: Markdown tables
- `command_line`: a parser whose help is the module's description

Programs: `figures`, `versus_peers`, `deterministic`, `gate_proof`, `history`, `interop`, `fixtures`. Each is
started by an entry point of its own in scripts/. Python 3.11 or later and its standard library suffice. Modules
that need packages run in a virtual environment, and say so at their top.
"""
