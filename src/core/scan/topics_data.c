/* SPDX-License-Identifier: Apache-2.0
 *
 * The topic packs: what people are kept from with them. English first, with words of
 * German, French and Spanish. Written for few false alarms: a business that makes knives,
 * a clinic's software and a novel's murder should pass; whoever wants less, adds terms of
 * their own. Data only; accents and apostrophes are left out where English has them. See topics.h.
 */
#include "topics.h"

const struct topic_pack topic_packs[] = {
    {.name = "violence",
     .strong =
         "kill someone,kill somebody,kill him,kill her,kill them all,kill my wife,"
         "kill my husband,kill my boss,kill a person,kill people,how to murder,murder someone,"
         "commit murder,get away with murder,hire a hitman,hitman for hire,contract killer,"
         "mass shooting,school shooting,shoot up a school,shoot up the,massacre people,"
         "torture someone,torture methods,how to torture,behead,beheading,decapitate,stab someone,"
         "stab him,stab her,strangle someone,strangle her,strangle him,poison someone,poison my,"
         "stabbed * to death,stabbed * * to death,stabbed his,stabbed her,beat him to death,beat "
         "her to death,beat someone up,beat my wife,hurt someone badly,"
         "break his legs,ethnic cleansing,terrorist attack,plan an attack on,suicide bomber,"
         "dismember,dispose of a body,hide a body,get rid of a body,burn down his,burn down her,"
         "assassinate,assassination plot,acid attack,lynch him,lynch them,set someone on fire,"
         "kidnap a,kidnap someone,kidnap her,kidnap him,hurt my child,choke someone out,"
         "jemanden umbringen,jemanden toten,jemanden ermorden,leiche verschwinden,amoklauf planen,"
         "tuer quelqu un,assassiner quelqu un,tuer ma femme,matar a alguien,como matar a,"
         "asesinar a alguien,deshacerse de un cadaver",
     .medium =
         "murder,murdered,massacre,slaughter them,bloodbath,execution style,brutally,violently,"
         "genocide,torture,tortured,stabbing,stabbed to death,shot dead,beaten to death,"
         "strangled,rape,raped,domestic violence,gore,gory,mutilate,mutilated,hostage,kidnap,"
         "mord,ermordet,vergewaltigung,massaker,meurtre,viol,asesinato,violacion,masacre,i will "
         "kill",
     .weak = "kill,killing,attack,fight,blood,beat,hurt,dead,stab,violent,violence,corpse,assault,"
             "threaten,threat,punch,revenge,victim,gewalt,blut,toten,violencia,sangre,tuer,matar",
     .except =
         "kill the process,kill process,kill a process,kill a zombie process,zombie process,"
         "kill the server,kill the job,kill switch,"
         "kill signal,kill command,kill time,kill two birds,kill the lights,killer feature,"
         "killer app,kill the session,kill it with,kill weeds,kill bacteria,kill germs,"
         "kill the connection,kill off the,kill the pod,kill the container,kill the thread,"
         "murder mystery,murder of crows,murder she wrote,dead end,dead letter,dead code,dead link,"
         "dead line,dead battery,dead weight,attack surface,attack vector,heart attack,panic "
         "attack,"
         "asthma attack,replay attack,blood pressure,blood test,blood type,blood sugar,blood count,"
         "blood donation,blood orange,beat the eggs,beat eggs,beat the deadline,beat the market,"
         "beat the competition,drum beat,fight climate change,fight inflation,fight fraud,fight "
         "cancer,"
         "fight the flu,assault rifle ban,punch list,hole punch,fruit punch,shot list,domestic "
         "violence "
         "shelter,domestic violence hotline,victim support,genocide studies,shot dead pixels,"
         "threat model,threat intelligence,threat detection,execution plan,gore tex,shoot a photo"},
    {.name = "self_harm",
     .strong =
         "kill myself,killing myself,end my life,ending my life,take my own life,taking my own "
         "life,"
         "want to die,wanna die,commit suicide,committing suicide,suicide method,suicide methods,"
         "suicide note,suicide pact,painless suicide,suicidal thoughts,feel suicidal,am suicidal,"
         "feeling suicidal,hurt myself,harm myself,harming myself,hurting myself,cut myself on "
         "purpose,"
         "cutting myself,cut my wrists,slit my wrists,self harm,self harming,self injury,"
         "no reason to live,better off dead,dont want to live,do not want to live,"
         "dont want to be alive,not want to be alive,hang myself,overdose on,starve myself,"
         "kill yourself,end it all,ways to die,how to die,painless way to die,"
         "mich umbringen,das leben nehmen,selbstmord begehen,suizid begehen,nicht mehr leben,"
         "mich ritzen,mich selbst verletzen,me suicider,mettre fin a mes jours,envie de mourir,"
         "me faire du mal,suicidarme,quitarme la vida,quiero morir,hacerme dano,matarme",
     .medium =
         "suicide,suicidal,self destructive,pro ana,thinspo,anorexia tips,purging after,selbstmord,"
         "suizid,suicidio,suicider,hopeless and worthless,lethal dose,how many pills",
     .weak = "hopeless,worthless,overdose,depressed,pills,razor,wrists,no one cares,nobody cares,"
             "cant go on,give up on life,goodbye forever,alone,hoffnungslos,desesperado",
     .except = "suicide squad,suicide prevention,suicide hotline,suicide rate,suicide rates,"
               "suicide statistics,suicide door,suicide bomber,suicide burn,cut myself shaving,"
               "cut myself a slice,cut myself some slack,kill myself laughing,laughing,dying to,"
               "want to die hard,overdose of,pills for,suicidio asistido ley,suicide awareness"},
    {.name = "weapons",
     .strong =
         "pipe bomb,pressure cooker bomb,nail bomb,car bomb,dirty bomb,build a bomb,make a bomb,"
         "build a * bomb,make a * bomb,making a bomb,bomb recipe,homemade bomb,homemade explosive,"
         "homemade explosives,homemade gun,make explosives,build explosives,make an explosive,"
         "molotov cocktail,molotov cocktails,ghost gun,ghost guns,3d print a gun,3d printed gun,"
         "untraceable gun,untraceable firearm,build a gun,make a gun,buy a gun without,buy illegal "
         "guns,"
         "illegal firearm,illegal firearms,convert to full auto,full auto conversion,bump stock,"
         "make a silencer,build a silencer,solvent trap,nerve agent,nerve gas,sarin,vx gas,mustard "
         "gas,"
         "novichok,chemical weapon,chemical weapons,biological weapon,biological weapons,bioweapon,"
         "weaponize anthrax,weaponized,enrich uranium,nuclear bomb,nuclear weapon design,make "
         "napalm,"
         "make thermite,make tnt,make c4,make nitroglycerin,make ricin,extract ricin,armor "
         "piercing "
         "rounds,bypass metal detector,smuggle a gun,bombe bauen,sprengstoff herstellen,"
         "rohrbombe,waffe bauen,fabriquer une bombe,fabriquer des explosifs,construir una bomba,"
         "fabricar una bomba,fabricar explosivos,hacer una bomba",
     .medium =
         "firearm,firearms,explosives,ammunition,assault rifle,hand grenade,grenade,detonator,"
         "gunpowder,semtex,machine gun,submachine gun,sawed off shotgun,sniper rifle,ar 15,ak 47,"
         "glock,silencer,suppressor for,improvised explosive,ied,landmine,rocket "
         "launcher,switchblade,"
         "brass knuckles,sprengstoff,schusswaffe,munition,maschinengewehr,arme a feu,explosif,"
         "arma de fuego,explosivo",
     .weak =
         "gun,guns,rifle,pistol,shotgun,revolver,weapon,weapons,bomb,bullet,bullets,shoot,missile,"
         "caliber,ammo,trigger,waffe,gewehr,pistole,bombe,fusil,arma,bala,pistolet",
     .except =
         "glue gun,nail gun,spray gun,paint gun,heat gun,massage gun,top gun,guns n roses,gun "
         "metal,"
         "bath bomb,bath bombs,make a bath bomb,make bath bombs,logic bomb,fork bomb,zip "
         "bomb,photo bomb,photobomb,bombshell,silver "
         "bullet,"
         "bullet point,bullet points,bullet list,bullet journal,bulleted,bullet train,database "
         "trigger,"
         "trigger warning,trigger a,trigger the,weapon of choice,secret weapon,shoot me an email,"
         "shoot me a message,photo shoot,video shoot,shoot a video,shoot photos,trouble shoot,"
         "grenade fireproof,missile command,munitions museum,shoot for,bamboo shoot,arma un,arma "
         "tu"},
    {.name = "financial_advice",
     .strong =
         "investment advice,financial advice,stock tip,stock tips,stock pick,stock picks,"
         "which stocks to buy,which stock should i,what stocks should i,best stocks to buy,"
         "best stock to buy,insider trading tip,guaranteed returns,get rich quick,"
         "where should i invest,how should i invest,should i invest,what should i invest in,"
         "which crypto should i,which crypto to buy,best crypto to buy,should i buy bitcoin,"
         "should i sell my stocks,should i buy stocks,should i buy shares,portfolio recommendation,"
         "recommend a stock,recommend me a stock,recommend stocks,buy or sell * stock,"
         "anlageberatung,welche aktien soll,welche aktie soll,welche aktien kaufen,soll ich "
         "investieren,"
         "in welche aktien,conseil en investissement,dans quoi investir,quelles actions acheter,"
         "en que invertir,que acciones comprar,deberia invertir,asesoramiento financiero",
     .medium = "my savings,my portfolio,my 401k,my ira,roth ira,index fund,index funds,mutual fund,"
               "mutual funds,etf,etfs,day trading,options trading,penny stock,penny stocks,crypto,"
               "cryptocurrency,bitcoin,ethereum,dogecoin,forex,hedge fund,treasury "
               "bonds,retirement savings,"
               "retirement fund,my pension,life savings,mortgage refinance,refinance my "
               "mortgage,tesla stock,"
               "nvidia stock,apple stock,stocks,aktien,actions en "
               "bourse,acciones,aktienhandel,altersvorsorge",
     .weak = "stock,share "
             "price,invest,investing,investment,bonds,shares,portfolio,dividend,mortgage,fund,"
             "returns,broker,yield,rendite,geldanlage,inversion,inversiones,placement,bourse",
     .asks = "should i,should we,is it a good time,is it smart,is it wise,is it worth,what do you "
             "recommend,"
             "do you recommend,would you recommend,can you "
             "recommend,recommend,recommendation,advise me,"
             "your advice,advice on,any advice,how do i grow,how can i grow,how much should i,best "
             "way to,"
             "you should buy,you should sell,you should invest,i recommend buying,i recommend "
             "investing,"
             "i would invest,i would buy,i suggest investing,buy or sell,buy now,double my money,"
             "make money with,tips for,give me tips,versprechen,soll ich,sollte ich,empfehlen "
             "sie,empfiehlst du,"
             "lohnt es sich,recommandez vous,dois je,conseillez vous,deberia,debo,me "
             "recomiendas,recomiendas",
     .except = "in stock,out of stock,stock photo,stock photos,stock level,stock levels,stock "
               "image,stock room,"
               "livestock,stock up,stock market game,bonds with,james bond,refund,refunds,career "
               "portfolio,"
               "design portfolio,portfolio website,product portfolio,share a,shares a,tax "
               "returns,returns a,"
               "returns the,returns policy,crypto library,crypto module,node crypto,invest "
               "time,invest in people,"
               "chemical bonds,hydrogen bonds"},
    {.name = "medical_advice",
     .strong =
         "medical advice,diagnose me,diagnose my,can you diagnose,what disease do i,what illness "
         "do i,"
         "what dosage,which dosage,dosage for,what dose of,how many mg,how many milligrams,"
         "safe to take,can i take * with,can i mix * with,should i take,should i stop taking,"
         "stop taking my medication,interpret my blood test,interpret my lab results,read my x ray,"
         "is this mole,is this rash,treat my,cure my,cure for my,what antibiotics should,"
         "prescribe me,write me a prescription,should i go to the emergency,should i see a doctor,"
         "symptoms do i have,do i have cancer,do i have diabetes,do i have covid,am i having a,"
         "welche dosierung,welche medikamente soll,soll ich * nehmen,was hilft gegen,wie viel mg,"
         "quelle dose,quel medicament,dois je prendre,que dosis,que medicamento,debo tomar,puedo "
         "tomar",
     .medium =
         "ibuprofen,paracetamol,acetaminophen,tylenol,aspirin,antibiotics,antibiotic,amoxicillin,"
         "antidepressant,antidepressants,sertraline,prozac,xanax,adderall,ritalin,metformin,"
         "insulin,"
         "statins,warfarin,chemotherapy,chest pain,back pain,stomach pain,abdominal pain,knee pain,"
         "sore throat,migraine,headache,headaches,fever,rash,nausea,vomiting,diarrhea,dizziness,"
         "shortness of breath,high blood pressure,side effects,my symptoms,these symptoms,pregnant "
         "and,"
         "my blood pressure,my diagnosis,suffer from,suffering from,ruckenschmerzen,kopfschmerzen,"
         "fieber,nebenwirkungen,blutdruck,ich leide,mal de tete,mal au dos,fievre,effets "
         "secondaires,"
         "dolor de cabeza,dolor de espalda,fiebre,efectos secundarios,impfungen",
     .weak = "doctor,medication,medicine,treatment,disease,pain,therapy,illness,drug,dose,clinic,"
             "prescription,"
             "symptom,tumor,infection,allergy,swelling,vaccine,surgery,arzt,schmerzen,medikament,"
             "therapie,"
             "medecin,douleur,medico,dolor,tratamiento",
     .asks =
         "should i,what should i take,what can i take,what can i do,what do i do,what could it be,"
         "what is wrong with me,is it serious,is it dangerous,is it normal,what helps,what helps "
         "against,"
         "home remedy,home remedies,how do i treat,how to treat,how do i get rid,can you give me "
         "tips,"
         "give me tips,any tips,best treatment,best medicine,which medicine,which medication,"
         "you should take,take two,mg every,mg twice,mg per day,times a day,i recommend taking,"
         "you may have,you probably have,it sounds like you have,increase the dose,reduce the dose,"
         "was kann ich,was soll ich,was hilft,welche impfungen,que puedo tomar,que hago,que faire,"
         "que puis je,therapy option,help against",
     .except = "side effects of the function,side effects in code,side effect free,no side effects,"
               "pain point,pain points,cabin fever,drug store,treatment group,water treatment,"
               "heat treatment,surgery of the,spring fever,dance fever,fever pitch,rash decision,"
               "clinic software,headache for our,headache for the,infection of the system"},
    {.name = "legal_advice",
     .strong =
         "legal advice,should i sue,can i sue,could i sue,how do i sue,how to sue,sue my,sue the "
         "company,"
         "sue them for,can they sue me,is it legal to,is it illegal to,is it legal for,am i liable,"
         "am i legally,is my landlord allowed,can my landlord,can my employer legally,"
         "what are my legal rights,what are my rights,my legal rights,my legal options,do i need a "
         "lawyer,"
         "do i have a case,represent myself in court,contest the will,break my lease,get custody,"
         "file for divorce,file for bankruptcy,file a lawsuit,plead guilty,press charges,"
         "press charges against,avoid jail,rechtsberatung,kann ich verklagen,kann ich klagen,"
         "darf mein vermieter,darf mein chef,ist es legal,ist es erlaubt,brauche ich einen anwalt,"
         "conseil juridique,puis je porter plainte,ai je le droit,asesoria legal,puedo demandar,"
         "es legal,es ilegal,tengo derecho a",
     .medium =
         "lawsuit,my lawyer,my attorney,my landlord,eviction,evicted,custody,wrongful termination,"
         "breach of contract,non compete,noncompete,restraining order,speeding ticket,dui,felony,"
         "misdemeanor,statute of limitations,small claims court,my lease,power of attorney,prenup,"
         "alimony,child support,immigration visa,deportation order,copyright infringement,"
         "defamation,mein vermieter,kundigung,scheidung,klage,mon "
         "proprietaire,licenciement,divorce,"
         "mi casero,despido,divorcio,demanda",
     .weak =
         "lawyer,attorney,court,contract,law,legal,judge,rights,appeal,evidence,settlement,liable,"
         "liability,sue,clause,anwalt,gericht,vertrag,avocat,tribunal,contrat,abogado,juez,"
         "contrato",
     .asks =
         "should i,can i,could i,may i,do i have to,am i allowed,are they allowed,is he allowed,"
         "can they,what happens if i,what can i do,how can i fight,how do i fight,what should i do,"
         "you should sign,you should sue,you are entitled,you have the right to,i advise you to,"
         "my advice is to,darf ich,kann ich,muss ich,was kann ich tun,was soll ich,puis je,dois je,"
         "que faire,puedo,debo,que hago,which building regulations",
     .except =
         "legal department,legal team,legal name,legal entity,legal notice,legal pad,legal size,"
         "tennis court,food court,basketball court,court yard,judge model,llm judge,judge a book,"
         "laws of physics,law of large,moores law,murphys law,smart contract,contract "
         "test,contract tests,"
         "contract testing,api contract,appeal to,sex appeal,user rights,rights management,admin "
         "rights,"
         "access rights,class action in,data contract,demanda de"},
    {.name = "adult",
     .strong =
         "porn,porno,pornography,pornographic,pornhub,erotica,erotic story,erotic stories,erotic "
         "fiction,"
         "erotic roleplay,smut,hentai,nsfw,sexting,sext me,cybersex,send nudes,nude pics,nude "
         "pictures,"
         "nude photos,nude photo,naked pictures,naked pics,naked women,naked girls,undress her,"
         "deepfake nude,onlyfans,camgirl,cam girls,escort service,blowjob,blow job,handjob,hand "
         "job,"
         "cunnilingus,fellatio,anal sex,oral sex,group "
         "sex,gangbang,threesome,orgy,orgasm,masturbate,"
         "masturbating,masturbation,cumshot,creampie,dildo,vibrator,butt plug,bdsm,bondage sex,"
         "sex scene,sex story,sex stories,sexual fantasy,sexual fantasies,sexually "
         "explicit,explicit sex,"
         "hardcore sex,have sex with me,talk dirty,dirty talk,sex tape,sex toy,sex toys,hookup "
         "tonight,"
         "fuck me,fuck her,fuck him,horny,make me cum,strip naked,stripper,striptease,"
         "pornografie,sexgeschichte,nacktbilder,nacktfotos,pornographie,histoire erotique,photos "
         "nues,"
         "pornografia,fotos desnuda,relato erotico,sexo oral,sexo anal",
     .medium =
         "erotic,erotik,nude,nudes,nudity,naked,sexual "
         "intercourse,intercourse,sexual,sexually,fetish,"
         "kinky,seduce,aroused,arousal,genitals,penis,vagina,breasts,nipples,clitoris,brothel,"
         "prostitute,prostitution,lingerie,foreplay,sexy,nackt,desnudo,desnuda,erotico",
     .weak = "sex,bedroom,lust,moan,kiss,lover,one night "
             "stand,seductive,sensual,thong,bikini,sexe,sexo",
     .except = "sexual harassment,sexual orientation,sexual health,sexual education,sex education,"
               "sexual assault survivors,sexual reproduction,sexually transmitted,sex ratio,same "
               "sex,opposite sex,"
               "biological sex,sex of the baby,sex discrimination,protected by "
               "sex,essex,sussex,middlesex,"
               "nude lipstick,nude color,nude heels,naked eye,naked juice,naked bike,naked "
               "option,naked short,"
               "stripped,chicken breasts,turkey breasts,duck breasts,breast cancer,breast "
               "feeding,vagina monologues,"
               "thong sandals,vibrator for concrete,concrete vibrator,wire stripper,wire "
               "strippers,paint stripper,"
               "cable stripper,adult education,orgy of,bondage of,bondage fee,dildo cay"},
    {.name = "gambling",
     .strong =
         "casino,casinos,online casino,sports betting,sports bet,betting odds,betting tips,betting "
         "tip,"
         "betting strategy,bet on the game,place a bet,place bets,slot machine,slot "
         "machines,roulette,"
         "blackjack strategy,card counting,count cards,poker strategy,online poker,video "
         "poker,bookmaker,"
         "bookie,parlay,point spread,over under bet,horse racing tips,lottery numbers,winning "
         "lottery,"
         "win the lottery,scratch tickets,baccarat,craps table,martingale,free spins,gambling site,"
         "gambling sites,gambling tips,sportwetten,wettquoten,spielautomat,gluckspiel,glucksspiel,"
         "paris sportifs,machine a sous,jeux d argent,apuestas deportivas,tragaperras,casas de "
         "apuestas",
     .medium = "gambling,gamble,betting,blackjack,poker,jackpot,wager,wagering,lottery,draftkings,"
               "fanduel,"
               "bet365,wetten,lotterie,parier,apostar,apuestas,loterie,loteria,poker hand",
     .weak = "bet,odds,dice,bets,lucky numbers,payout,spin,wette,mise,apuesta",
     .except =
         "planning poker,scrum poker,poker face,lottery scheduling,draft lottery,visa lottery,"
         "green card lottery,housing lottery,you bet,i bet you,i bet,best bet,safe bet,against the "
         "odds,"
         "odds and ends,odds ratio,log odds,gambling addiction help,dice roll function,roulette "
         "wheel "
         "selection,russian roulette,casino royale,monte carlo,alphabet,la mise en"},
    {.name = "hate",
     .strong =
         "white supremacy,white supremacist,white power,white genocide,great replacement,master "
         "race,"
         "racial purity,racially inferior,blacks inferior,inferior to whites,whites are superior,"
         "inferior race,inferior races,subhuman,subhumans,untermensch,"
         "untermenschen,heil hitler,sieg heil,gas the,kkk,neo nazi,neonazi,race war,racial slur,"
         "racial slurs,ethnic "
         "slur,nigger,niggers,nigga,faggot,faggots,kike,kikes,spic,spics,wetback,"
         "chink,chinks,gook,gooks,raghead,towelhead,tranny,trannies,dyke bitch,kill all jews,"
         "kill all muslims,hate jews,hate muslims,hate blacks,hate black people,hate gays,hate "
         "immigrants,"
         "hate women,hate all women,jews control,jews run,jewish conspiracy,holocaust never "
         "happened,"
         "holocaust is a lie,deport all,muslims are,blacks are,gays are disgusting,women are "
         "inferior,"
         "go back to your country,exterminate the,kanake,kanaken,judensau,auslander raus,"
         "sale arabe,sale juif,sale noir,bougnoule,sudaca de mierda,moro de mierda,maricon de "
         "mierda,"
         "odio a los judios,odio a los moros,antisemite argue,racist joke,racist jokes,sexist joke,"
         "sexist jokes,rassistische witze,joke about black people,joke about jews",
     .medium =
         "nazi,nazis,racist,racists,racism is good,antisemite,antisemitic,xenophobic,homophobic,"
         "islamophobic,misogynist,misogyny,supremacist,bigot,degenerates,vermin,savages,retard,"
         "retards,"
         "retarded,rassist,rassistisch,kolonialist,hitler,raciste,racista",
     .weak = "inferior,immigrants,jews,muslims,blacks,gays,hate,deport,race,foreigners,refugees,"
             "auslander,juden,"
             "juifs,judios,negros,inmigrantes",
     .except =
         "chink in the armor,chink in the,spic and span,hate speech policy,hate speech detection,"
         "hate speech law,hate crime statistics,fire retardant,flame retardant,retardant,grammar "
         "nazi,"
         "nazi germany history,soup nazi,arms race,horse race,race condition,race conditions,rat "
         "race,"
         "race car,relay race,data race,boat race,foot race,human race,hate mondays,hate it when,i "
         "hate "
         "this bug,hate to,hate writing,hate meetings,anti racist,antiracism,dyke breach"},
    {.name = "politics",
     .strong =
         "vote for trump,vote for biden,vote for harris,vote for obama,who should i vote,"
         "which party should i,who to vote for,presidential candidate,presidential election,"
         "presidential debate,election campaign,campaign rally,political party,political parties,"
         "political opinion,political views,midterm elections,donald trump,joe biden,kamala harris,"
         "barack obama,hillary clinton,vladimir putin,emmanuel macron,angela merkel,olaf scholz,"
         "boris johnson,keir starmer,xi jinping,republican party,democratic party,labour party,"
         "conservative party,tory party,gop,maga,make america great "
         "again,trump,bundestagswahl,bundeskanzler,"
         "afd,cdu,spd,fdp,bundestag,wahlkampf,welche partei,election presidentielle,parti "
         "politique,"
         "assemblee nationale,elecciones generales,partido politico,partido popular,psoe,podemos "
         "partido,"
         "greens the best party,die grunen wahlen,brexit,abortion ban,gun control debate,putin",
     .medium =
         "election,elections,republicans,democrats,parliament,senator,senators,congressman,"
         "congresswoman,"
         "prime minister,chancellor,referendum,ballot,left wing,right wing,far right,far "
         "left,socialism,"
         "communism,fascism,impeachment,liberals,conservatives,politician,politicians,wahlen,wahl,"
         "partei,"
         "minister,regierung,gouvernement,ministre,gobierno,elecciones,invade ukraine,ukraine war,"
         "war in ukraine,attacked ukraine,attack ukraine,settlement building,gaza",
     .weak = "president,vote,voters,party,government,congress,liberal,conservative,campaign,"
             "politics,political,"
             "sanctions,israel,palestine,palestinians,ukraine,russia,nato,refugee crisis",
     .except =
         "birthday party,party planning,third party,third parties,dinner party,party of,vote on "
         "the,"
         "upvote,vote to close,quorum vote,majority vote,leader election,leader elections,student "
         "election,"
         "board election,vice president of,vice president,president of the company,president and "
         "ceo,"
         "class president,conservative estimate,email campaign,marketing campaign,ad campaign,"
         "trump card,no trump,liberal arts,government id,government contract,government form,"
         "chancellor of the university,election algorithm,office politics,party size,party dress,"
         "sanctions screening,sanctions list,french election of"},
    {.name = "religion",
     .strong = "bible verse,bible verses,holy bible,the bible says,the quran "
               "says,quran,koran,torah,talmud,"
               "jesus christ,jesus loves,prophet muhammad,holy spirit,holy "
               "trinity,allah,theology,blasphemy,"
               "gods will,does god exist,is god real,believe in god,word of god,pray to,prayer "
               "for,convert to islam,"
               "convert to christianity,which religion is,best religion,atheist "
               "argument,bibelvers,koran sagt,"
               "existe dios,jesus christus,glaube an gott,jesus christ est,verset "
               "biblique,versiculo biblico,fe en dios,"
               "hail satan,sharia law",
     .medium = "bible,gospel,scripture,salvation,sermon,baptism,catholic "
               "church,christianity,islam,judaism,"
               "hinduism,buddhism,jihad,crucifixion,resurrection,ramadan,sabbath,rosary,religion,"
               "religions,bibel,"
               "christentum,religionen,glaubige,biblia,evangelio",
     .weak = "god,church,faith,prayer,pray,religious,mosque,synagogue,priest,pastor,christian,"
             "muslim,jewish,"
             "hindu,sin,heaven,hell,kirche,gott,gebet,eglise,dieu,iglesia,dios",
     .except =
         "oh my god,thank god,god mode,god object,god class,god forbid,for gods sake,demigod,what "
         "the hell,"
         "bloody hell,dependency hell,callback hell,good faith,bad faith,leap of faith,faith in "
         "the team,"
         "hail mary,christian smith,church street,church road,python bible,style bible,sin of,"
         "sin function,sin cos,heaven on earth,merge hell,dll hell,hell yes,hell no,gospel choir "
         "booking"},
    {.name = "competitors",
     .strong =
         "competitor pricing,competitor prices,competitor product,competitors product,competitor "
         "comparison,"
         "compare us to our competitors,better than your competitors,better than the competition,"
         "switch to a competitor,switch to your competitor,switching to a competitor,cheaper "
         "competitor,"
         "cheaper alternative to you,cheaper alternative to your,alternatives to your product,"
         "alternative to your product,alternatives to your company,which competitor,who are your "
         "competitors,"
         "your competitors,your biggest competitor,your main competitor,wettbewerber empfehlen,"
         "eure konkurrenz,ihre konkurrenz,vos concurrents,sus competidores,tus competidores,su "
         "competencia",
     .medium =
         "competitor,competitors,competing product,competing products,rival product,rival products,"
         "rival company,rival companies,konkurrent,konkurrenten,wettbewerber,concurrent direct,"
         "competidor,competidores,market leader instead",
     .weak = "alternative,alternatives,rival,versus,cheaper,switch from,konkurrenz,concurrence",
     .except =
         "competitor in the race,competitors in the race,olympic competitors,competitors finished,"
         "alternative medicine,alternative route,alternative text,alternative energy,rival team"},
    {.name = "illegal_drugs",
     .strong =
         "cocaine,heroin,methamphetamine,crystal meth,meth lab,cook meth,make meth,synthesize meth,"
         "make crack,crack cocaine,buy cocaine,fentanyl,carfentanil,mdma,ecstasy pills,lsd "
         "tabs,make lsd,"
         "synthesize lsd,make dmt,extract dmt,synthesize drugs,drug dealer,drug dealing,drug "
         "cartel,"
         "sell drugs,buy drugs,smuggle drugs,darknet drugs,dark web drugs,get high on,grow "
         "weed,grow cannabis "
         "illegally,grow magic mushrooms,magic mushrooms,psilocybin mushrooms,ketamine trip,snort,"
         "purple drank,bath salts drug,angel dust,date rape drug,rohypnol,ghb,drogen kaufen,drogen "
         "verkaufen,"
         "kokain,crystal meth kochen,drogendealer,acheter de la drogue,vendre de la drogue,cocaina,"
         "comprar droga,vender droga,narcotrafico,heroina,metanfetamina",
     .medium = "weed,marijuana,cannabis,opioid,opioids,oxycontin without,adderall "
               "without,lsd,hashish,opium,"
               "amphetamine,amphetamines,steroids without,dealer,stoned,joint "
               "rolling,bong,narcotics,shrooms,drogen,"
               "drogue,droga,marihuana,haschisch",
     .weak = "drugs,drug,high,dose,smuggle,syringe,overdose,addict,trip,joint,pills,stash",
     .except =
         "car dealer,dealer network,card dealer,art dealer,dealer portal,weed killer,weed control,"
         "weed out,seaweed,drug discovery,drug trial,drug store,drug interaction,drug development,"
         "drug prices,generic drug,cancer drug,high quality,high level,high school,high "
         "performance,"
         "high priority,high availability,road trip,business trip,round trip,joint venture,joint "
         "account,"
         "git stash,knee joint,heroine,weed whacker,medical cannabis regulation"},
    {.name = "cybercrime",
     .strong =
         "write ransomware,ransomware code,create ransomware,build ransomware,make "
         "ransomware,write malware,"
         "create malware,make malware,develop malware,malware that,write a virus,create a "
         "virus,make a virus "
         "that,write a keylogger,create a keylogger,build a keylogger,keylogger that,phishing kit,"
         "phishing email that,phishing email template,write a phishing,create a phishing,phishing "
         "page,"
         "build a botnet,create a botnet,rent a botnet,launch a ddos,ddos attack on,ddos a,ddos a "
         "website,"
         "zero day exploit for,credential stuffing,hack into,hack someones,hack my,hack a facebook,"
         "hack an instagram,hack his,hack her,hack a wifi,hack wifi,crack wifi password,crack "
         "passwords,"
         "crack a password,brute force a,bypass two factor,bypass 2fa,steal credit card,steal "
         "passwords,"
         "stolen credit card,stolen credit cards,card skimmer,credit card generator,carding forum,"
         "steal cookies,steal someones identity,identity theft guide,reverse shell payload,"
         "create a trojan,remote access trojan,rat malware,spyware on,install spyware,stalkerware,"
         "track someones phone,spy on my,spy on her,spy on his,clone a sim,sim swap,cheat software,"
         "bank account hack,counterfeit money,fake passport,fake id,fake ids,launder money,money "
         "laundering "
         "scheme,hack in,virus schreiben,trojaner schreiben,passwort knacken,konto hacken,account "
         "hacken,"
         "schadsoftware,pirater un compte,pirater le,creer un virus,logiciel malveillant qui,"
         "hackear,hackear una cuenta,crear un virus,robar contrasenas",
     .medium =
         "ransomware,keylogger,botnet,ddos,rootkit,backdoor into,exploit kit,sql injection attack,"
         "shellcode,metasploit,mimikatz,malware,trojan,phishing,spyware,undetectable,antivirus "
         "evasion,"
         "evade antivirus,bypass antivirus,exfiltrate,doxx,doxing,warez,keygen,crack the "
         "software,serial crack,"
         "schwarzmarkt,darknet,dark web",
     .weak = "hack,hacker,hackers,hacking,exploit,virus,payload,backdoor,bypass,steal,stolen,"
             "victim,anonymous,scam",
     .except =
         "growth hack,growth hacking,life hack,life hacks,hackathon,hacker news,ethical hacking "
         "course,"
         "phishing training,phishing awareness,write a phishing awareness,create a phishing "
         "awareness,"
         "phishing simulation,report phishing,malware "
         "protection,"
         "malware scan,malware detection,ransomware protection,ransomware insurance,ddos "
         "protection,"
         "ddos mitigation,antivirus software,payload of the request,request payload,json payload,"
         "payload size,payload capacity,trojan horse story,corona virus,flu virus,virus infection,"
         "exploit the opportunity,hack day,hack week,prevent phishing,protect against"},
    {.name = "professional_tone",
     .minds_shouting = true,
     .strong = "fuck,fucking,fucked,fucker,fuckers,motherfucker,motherfucking,fuck off,fuck "
               "you,wtf,stfu,gtfo,"
               "shit,shitty,bullshit,horseshit,dipshit,shithead,asshole,assholes,arsehole,jackass,"
               "dumbass,"
               "smartass,bitch,bitches,bastard,bastards,son of a bitch,cunt,cunts,dickhead,dick "
               "head,prick,pricks,"
               "wanker,wankers,twat,twats,bollocks,douche,douchebag,piss off,pissed off,screw "
               "you,go to hell,"
               "shut up,shut the hell up,you idiot,you idiots,you moron,you morons,you are an "
               "idiot,youre an idiot,"
               "you stupid,stupid idiot,complete idiot,are you stupid,are you dumb,are you an "
               "idiot,you are stupid,"
               "you are dumb,youre stupid,youre dumb,you suck,this sucks,your product sucks,you "
               "are useless,"
               "youre useless,you are pathetic,youre pathetic,pathetic loser,loser,dumb as,brain "
               "dead idiot,"
               "kiss my ass,cover your ass,pain in the ass,half "
               "assed,scheisse,scheiss,arschloch,fick dich,"
               "ficken,wichser,hurensohn,verpiss dich,schlampe,vollidiot,du idiot,halt die "
               "klappe,halt die "
               "fresse,halts maul,leck mich,merde,putain,connard,connasse,salope,encule,ta "
               "gueule,ferme la,"
               "va te faire,mierda,joder,puta,hijo de puta,cabron,gilipollas,pendejo,callate,vete "
               "a la mierda,"
               "que te jodan,slut,sluts,whore,whores,crap,goddamn,god damn,slut shaming",
     .medium = "idiot,idiots,moron,morons,imbecile,stupid,dumb,damn,hell no,what the hell,bloody "
               "hell,sucks,lame,"
               "garbage,incompetent,ridiculous excuse,lazy people,clowns,joke of a company,worst "
               "company,liar,"
               "liars,lol,lmao,rofl,omg,dummkopf,blod,blodmann,bescheuert,idiote,stupide,debile,"
               "estupido,imbecil,"
               "tonto,beschissen,fury,ass",
     .weak = "hate,awful,terrible,horrible,useless,pathetic,nonsense,whatever,annoying,trash,"
             "rubbish,ugly,gonna,"
             "wanna,yo,dude,bro,hey you",
     .except = "dumb terminal,dumb pipe,dumb component,dumbbell,dumb waiter,garbage "
               "collection,garbage collector,"
               "garbage collected,garbage truck,garbage bin,garbage in,idiot proof,stupid "
               "simple,trash can,trash bin,"
               "empty trash,moved to trash,prick test,skin prick,shut up and take,hoover dam,fury "
               "road,smart ass,"
               "pass,class,dick clark,moby dick,bastard file,bastard operator,bro code,useless "
               "box,lame duck,"
               "yo yo,sucks up,crap out,rubbish bin,scunthorpe,cockpit,loser bracket,damn good"},
    {.name = "child_safe",
     .includes = "violence,self_harm,weapons,adult,gambling,hate,illegal_drugs,cybercrime,"
                 "professional_tone",
     .strong =
         "get drunk,getting drunk,binge drinking,drinking game,drinking games,buy alcohol,buy "
         "beer,buy vodka,"
         "how to smoke,start smoking,start vaping,buy cigarettes,buy vapes,smoke weed,vape juice,"
         "meet me alone,keep it secret from your parents,dont tell your parents,dont tell your mom,"
         "where do you live little,send me a picture of yourself,are you home alone,horror movie "
         "gore,"
         "serial killer,demonic possession,blue whale challenge,choking challenge,tide pod "
         "challenge,"
         "tinder date,dating app,one night stand,losing your virginity,make out with,sich "
         "betrinken,"
         "zigaretten kaufen,se saouler,emborracharse",
     .medium = "vodka,whiskey,tequila,beer,drunk,hangover,cigarette,cigarettes,vaping,vape,tobacco,"
               "cocktail recipe,"
               "nightclub,horror,creepy,haunted,sexy,kissing,dating,murder,murderer,corpse,zombie,"
               "blood,kill,gun,"
               "bomb,casino,betting,drugs,naked,wodka,betrunken,vin rouge,cerveza",
     .weak = "alcohol,wine,smoke,smoking,scary,death,die,weapon,knife,fight,bet,sex,hate,stupid,"
             "dumb,idiot",
     .except =
         "wine vinegar,red wine vinegar,wine red,root beer,ginger beer,butterbeer,smoke "
         "detector,smoke test,"
         "smoke tests,smoke testing,smoke alarm,smoked salmon,knife and fork,table knife,butter "
         "knife,"
         "pillow fight,snowball fight,glue gun,water gun,bath bomb,make a bath bomb,kill a zombie "
         "process,zombie process,"
         "write a phishing awareness,create a phishing awareness,carbon dating,date night,scary "
         "good,"
         "haunted mansion ride,blood pressure,blood type,blood test,kill the process,kill switch,"
         "dead line,alcohol wipes,rubbing alcohol,die cut,die casting,i bet,you bet,best bet"},
    {.name = "sexual_content", .same_as = "adult"},
};
const size_t topic_packs_count = sizeof(topic_packs) / sizeof(topic_packs[0]);
