package launch

// ExitConfig is the exit code with which a server says that starting it again is no use before somebody mended its
// configuration: the launcher then ends with the same code, unless one has served already and shells may live.
const ExitConfig = 78

// Variables is how the names of the environment variables begin by which a launcher speaks to what it starts.
const Variables = "HELPDESK_LAUNCH"
