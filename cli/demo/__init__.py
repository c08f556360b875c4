"""``careerrelay demo``: the whole loop on one machine, to click through or to watch.

The product runs in a process of its own, set up by its own commands. Around it stand a sandbox
ATS with a page and a mailbox fed by SMTP; ``--once`` plays the story and looks at everything
from outside: over HTTP, over SMTP and by the command line.
"""
