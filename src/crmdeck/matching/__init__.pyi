from .context import RankContext as RankContext
from .encoder import Encoder as Encoder
from .encoder import EncoderUnavailableError as EncoderUnavailableError
from .encoder import SentenceEncoder as SentenceEncoder
from .evidence import Evidence as Evidence
from .ranker import rank as rank
