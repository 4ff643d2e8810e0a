from .connector import open_connector as open_connector
from .flows import FLOWS as FLOWS
