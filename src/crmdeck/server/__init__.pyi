from .accounts import Accounts as Accounts
from .accounts import Organization as Organization
from .accounts import User as User
from .app import create_app as create_app
from .assistants import Answers as Answers
from .log import log_to_stderr as log_to_stderr
from .run import Binding as Binding
from .run import serve as serve
