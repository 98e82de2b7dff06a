/* The commands of `tenon`. Each gets the arguments from its own name on, as main would. */
#ifndef TENON_TOOLS_COMMANDS_H
#define TENON_TOOLS_COMMANDS_H

/* What the process answers. */
enum exit_code {
    EXIT_DONE = 0,
    EXIT_FAILED = 1, /* the world did not let us */
    EXIT_USAGE = 2   /* the command line makes no sense */
};

/* Virtual servos behind a pseudo-terminal, until interrupted. */
int command_sim(int argc, char **argv);

/* Which servos answer on a port. */
int command_scan(int argc, char **argv);

#endif
